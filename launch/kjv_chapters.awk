# Debian's `bible -f` -> plain text: the verse labels ("Ge1:1 ") go, a blank line stands between chapters.
{
  if (!match($0, /^[1-3]?[A-Za-z]+[0-9]+:/)) {
    printf "line %d has no verse label: %s\n", NR, $0 > "/dev/stderr"
    exit failed = 1
  }
  chapter = substr($0, 1, RLENGTH)
  if (chapter != previous) {
    if (chapters++) print ""
    previous = chapter
  }
  sub(/^[^ ]* /, "")
  print
}
END {
  if (!failed && chapters != 1189) {
    printf "expected the 1189 chapters of the King James Bible, found %d\n", chapters > "/dev/stderr"
    exit 1
  }
}
