# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
# Source this in bash: `source tools/ros_env.sh`. Afterwards `python` finds ROS 2, the built
# messages and the sources of this folder, from any directory.

_bharnet_root="$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")/.." && pwd)"

# Puts $2 in front of the list of folders in the variable $1, unless it is there already.
_bharnet_prepend() {
    case ":${!1:-}:" in
        *":$2:"*) ;;
        *) export "$1=$2${!1:+:${!1}}" ;;
    esac
}

if [ -n "${AMENT_PREFIX_PATH:-}" ] && [ -z "${_BHARNET_ROS_FROM_WHEELS:-}" ]; then
    # A sourced ROS 2 installation: its own tools wrote install/setup.bash. Untested here.
    # That file reads variables that may not be set.
    case $- in *u*) _bharnet_nounset=1; set +u ;; esac
    [ ! -f "$_bharnet_root/install/setup.bash" ] || source "$_bharnet_root/install/setup.bash"
    [ -z "${_bharnet_nounset:-}" ] || set -u
    unset _bharnet_nounset
else
    # ROS 2 from wheels: the virtual environment is the ROS prefix.
    [ -d "$_bharnet_root/.venv" ] || echo "ros_env.sh: nothing is set up here; run \`make setup\` first" >&2
    export _BHARNET_ROS_FROM_WHEELS=1
    _bharnet_prepend AMENT_PREFIX_PATH "$_bharnet_root/.venv"
    _bharnet_prepend AMENT_PREFIX_PATH "$_bharnet_root/install"
    _bharnet_prepend LD_LIBRARY_PATH "$_bharnet_root/.venv/lib"
    _bharnet_prepend LD_LIBRARY_PATH "$_bharnet_root/install/lib"
    for _bharnet_folder in "$_bharnet_root"/.venv/lib/python3.*/site-packages/ros_*.libs; do
        [ ! -d "$_bharnet_folder" ] || _bharnet_prepend LD_LIBRARY_PATH "$_bharnet_folder"
    done
    # Else the wheels start every Python twice, to set LD_LIBRARY_PATH, which is done now.
    export _ROS_WHEELS_BOOTSTRAP_COMPLETE=1
    for _bharnet_folder in "$_bharnet_root"/install/lib/python3.*/site-packages \
        "$_bharnet_root"/install/local/lib/python3.*/dist-packages; do
        [ ! -d "$_bharnet_folder" ] || _bharnet_prepend PYTHONPATH "$_bharnet_folder"
    done
    unset _bharnet_folder
fi

# The sources go before their installed copies, which may be older.
_bharnet_prepend PYTHONPATH "$_bharnet_root"
_bharnet_prepend PATH "$_bharnet_root/.venv/bin"
export VIRTUAL_ENV="$_bharnet_root/.venv"

# Nobody else's robot should hear us, unless asked to.
export ROS_AUTOMATIC_DISCOVERY_RANGE="${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}"
# What Humble has instead; later ones warn of it.
[ "${ROS_DISTRO:-}" != humble ] || export ROS_LOCALHOST_ONLY="${ROS_LOCALHOST_ONLY:-1}"

unset -f _bharnet_prepend
unset _bharnet_root
