# CTest's JUnit report -> one line per test case: "passed|failed|skipped <tab> name <tab> why".
# With -v show=failed: the output of the CTest tests that failed instead.
#
# A unit test is one case. A test under mpirun (name ending in .npN) is a whole program: its cases are counted from
# GoogleTest's own lines, so that a skip inside it does not count as passed.

function plain(text) {
  gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&quot;/, "\"", text); gsub(/&apos;/, "'", text)
  gsub(/&#[0-9A-Za-z]+;/, "", text); gsub(/&amp;/, "\\&", text)
  gsub(/\[NON-XML-CHAR-0x1B\]\[[0-9;]*[mK]/, "", text)  # colours
  return text
}

function attribute(line, key,    parts) {
  if (!match(line, key "=\"[^\"]*\"")) return ""
  return plain(substr(line, RSTART + length(key) + 2, RLENGTH - length(key) - 3))
}

# A gtest line "[  FAILED  ] Suite.Case (3 ms)" -> "Suite.Case". Lists in the summary carry no time.
function timed_case(line) {
  sub(/^\[[^]]*\] /, "", line)
  sub(/,? where .*/, "", line)
  sub(/ \([0-9]+ ms\)$/, "", line)
  return line
}

function emit(verdict, name, why) {
  cases++
  if (show == "") printf "%s\t%s\t%s\n", verdict, name, why
}

function finish(    bad) {
  bad = failed_inside + 0
  if (under_mpi) {
    if (!passed_run && !bad) emit("failed", name, message)
    if (passed_run && !inside) emit("failed", name, "no test case ran")
  } else if (passed_run) {
    emit("passed", name, "")
  } else if (message ~ /^SKIP_/) {
    emit("skipped", name, reason)
  } else {
    emit("failed", name, message)
  }
  if (show == "failed" && !passed_run && message !~ /^SKIP_/) printf "---- %s: %s\n%s", name, message, output
}

/<testcase / {
  name = attribute($0, "name")
  passed_run = attribute($0, "status") == "run"
  under_mpi = name ~ /\.np[0-9]+$/
  message = reason = output = ""
  inside = failed_inside = in_output = expect_reason = 0
}
/<failure message=/ || /<skipped message=/ { message = attribute($0, "message") }
/<system-out>/ { in_output = 1; sub(/.*<system-out>/, "") }
in_output {
  line = plain($0)
  sub(/<\/system-out>.*/, "", line)
  output = output line "\n"
  if (expect_reason && line !~ /^$/) {
    if (line !~ /^\[/) reason = reason (reason == "" ? "" : " ") line
    else expect_reason = 0
  }
  if (line ~ /: Skipped$/) { expect_reason = 1; reason = "" }
  if (under_mpi && line ~ /^\[ .*\] .* \([0-9]+ ms\)$/) {
    if (line ~ /^\[       OK \]/) { inside++; emit("passed", timed_case(line) " (" name ")", "") }
    if (line ~ /^\[  SKIPPED \]/) { inside++; emit("skipped", timed_case(line) " (" name ")", reason) }
    if (line ~ /^\[  FAILED  \]/) { inside++; failed_inside++; emit("failed", timed_case(line) " (" name ")", "") }
  }
}
/<\/system-out>/ { in_output = 0 }
/<\/testcase>/ { finish() }
END { if (!cases && show == "") printf "failed\tCTest\tno test case was found\n" }
