# Phalanx for CPU ranks on Debian 12: one stage builds, the other runs what was built.
#
#   docker build -t phalanx .
#   docker run --rm phalanx phalanx --version
#
# Packages are named in launch/setup.sh alone. `launch/test.sh --container` takes the steps below, in this order, in a
# bare Debian made by debootstrap, so they are kept to FROM, WORKDIR, ENV, COPY and RUN.

FROM debian:12 AS build
WORKDIR /src
COPY launch launch
RUN launch/setup.sh build
COPY . .
RUN cmake --preset release -DPHALANX_TESTS=OFF -DPHALANX_BENCHMARKS=OFF
RUN cmake --build --preset release
RUN cmake --install build/release --prefix /opt/phalanx

FROM debian:12
COPY launch /tmp/launch
# A host that ranks are started on runs sshd; its keys must not be those of everybody who has the image.
RUN /tmp/launch/setup.sh run hosts && rm -rf /tmp/launch /etc/ssh/ssh_host_*
# Where also a shell that sshd starts finds the program.
COPY --from=build /opt/phalanx /usr/local
# mpirun refuses root, the only user that there is.
ENV OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# Nothing is left to install.
ENV PHALANX_SETUP=never
WORKDIR /work
CMD ["phalanx", "--help"]
