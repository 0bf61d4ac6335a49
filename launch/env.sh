# shellcheck shell=bash disable=SC2034
# Site settings: sourced by the scripts of this folder. Each may be set in the environment; edit the defaults here for a
# cluster.

: "${PHALANX_BINARY:=}"        # a phalanx that is installed already; empty: build/release/phalanx, built when needed
: "${PHALANX_SETUP:=auto}"     # auto: install missing Debian packages; never: this site brings the libraries itself
: "${PHALANX_JOBS:=}"          # compile and test jobs; empty: one per core, fewer when memory is short
: "${PHALANX_MPIRUN:=mpirun}"
: "${PHALANX_MPIRUN_ARGS:=}"   # put before the program, e.g. "--hostfile hosts --mca btl_tcp_if_include ib0"
