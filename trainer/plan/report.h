// How a plan is told: a table for people, one JSON object for scripts.
#pragma once

#include <string>
#include <vector>

#include "trainer/plan/advice.h"
#include "trainer/plan/job_plan.h"

namespace phalanx::plan {

struct Report {
  std::string run;  // its name
  Target target;
  JobPlan job;
  std::vector<Advice> advice;  // of a job that does not fit
};

std::string to_text(const Report& report);
std::string to_json(const Report& report);

}  // namespace phalanx::plan
