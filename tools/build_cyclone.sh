#!/usr/bin/env bash
# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
#
# Builds Cyclone DDS, with security, for the ROS 2 of the package index, which has Fast DDS alone
# and cannot choose (a ROS 2 from apt can: RMW_IMPLEMENTATION=rmw_cyclonedds_cpp). 3 minutes, needs
# cmake, ninja, g++ and libssl-dev, and the sources as Jazzy has them:
#
#     git clone -b 0.10.5 https://github.com/eclipse-cyclonedds/cyclonedds
#     git clone -b jazzy https://github.com/ros2/rmw_cyclonedds
#     tools/build_cyclone.sh cyclonedds rmw_cyclonedds OUT
#     source tools/ros_env.sh && source OUT/env.sh
#     python -m pytest test/test_node.py
#
# rclpy's wheel calls Fast DDS's rmw by name; OUT/env.sh loads Cyclone's functions of the same names
# before it.
set -euo pipefail

usage() {
    echo "usage: tools/build_cyclone.sh CYCLONEDDS RMW_CYCLONEDDS OUT" >&2
    exit 2
}
[ $# -eq 3 ] || usage
here=$(cd "$(dirname "$0")/.." && pwd)
ros=$here/.venv
[ -d "$ros/include/rmw" ] || { echo "no ROS 2 in $ros: run make setup first" >&2; exit 1; }
cyclone=$(cd "$1" && pwd) rmw=$(cd "$2" && pwd)/rmw_cyclonedds_cpp/src
mkdir -p "$3/objects"
out=$(cd "$3" && pwd)

cmake -S "$cyclone" -B "$out/cyclonedds" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_INSTALL_PREFIX="$out" -DENABLE_SECURITY=ON -DENABLE_SHM=OFF -DBUILD_IDLC=OFF \
    -DBUILD_TESTING=OFF -DBUILD_EXAMPLES=OFF -DBUILD_DDSPERF=OFF
cmake --build "$out/cyclonedds" --target install

includes=("-I$out/include")
for package in rmw rcutils rcpputils rmw_dds_common tracetools rosidl_runtime_c rosidl_runtime_cpp \
    rosidl_typesupport_c rosidl_typesupport_cpp rosidl_typesupport_interface \
    rosidl_typesupport_introspection_c rosidl_typesupport_introspection_cpp \
    rosidl_dynamic_typesupport; do
    includes+=("-I$ros/include/$package")
done
version=$(sed -n 's:.*<version>\(.*\)</version>.*:\1:p' "$ros/share/rmw/package.xml")
IFS=. read -r major minor patch <<< "$version"
for source in "$rmw"/*.cpp; do
    g++ -std=c++17 -O2 -fPIC "-DRMW_VERSION_MAJOR=$major" "-DRMW_VERSION_MINOR=$minor" \
        "-DRMW_VERSION_PATCH=$patch" "${includes[@]}" \
        -c "$source" -o "$out/objects/$(basename "$source" .cpp).o"
done
g++ -shared -o "$out/lib/librmw_cyclonedds_cpp.so" "$out"/objects/*.o -L "$out/lib" -lddsc \
    -L "$ros/lib" -lrcutils -lrcpputils -lrmw -lrmw_dds_common \
    -lrmw_dds_common__rosidl_typesupport_cpp -lrosidl_typesupport_introspection_c \
    -lrosidl_typesupport_introspection_cpp -lrosidl_runtime_c -ltracetools

cat > "$out/env.sh" <<END
export LD_LIBRARY_PATH=$out/lib:\$LD_LIBRARY_PATH LD_PRELOAD=$out/lib/librmw_cyclonedds_cpp.so
END
echo "source $out/env.sh"
