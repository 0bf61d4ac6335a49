# Script: the sources of the page -> OUTPUT, a C++ source that holds them as one text. SOURCE: this folder.
file(READ ${SOURCE}/page.html page)
file(READ ${SOURCE}/page.css style)
set(script "")
foreach(name format chart run panels app)
  file(READ ${SOURCE}/${name}.js part)
  string(APPEND script "${part}")
endforeach()
string(REPLACE "/*style*/" "${style}" page "${page}")
string(REPLACE "/*script*/" "${script}" page "${page}")
file(WRITE ${OUTPUT} "// Generated from trainer/metrics/page/.
#include \"trainer/metrics/page/live_page.h\"

namespace phalanx {

std::string_view live_page_html() {
  return R\"page(${page})page\";
}

}  // namespace phalanx
")
