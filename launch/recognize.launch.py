# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Start recognition: `ros2 launch bharnet_ros recognize.launch.py source:=image`.

    source        image: pictures of a camera; poses: the topic bharnet/poses of some pose source
    image         topic of the pictures (source:=image)
    transport     raw: sensor_msgs/Image; compressed: CompressedImage on <image>/compressed; empty:
                  as params_file says
    depth         topic of depth aligned to the pictures; empty: no depth, poses are 2-D
    camera_info   topic of the camera_info that belongs to them; needed with depth
    use_sim_time  take the time from /clock, as recordings need it; empty: as params_file says
    params_file   the parameters, a YAML file
    namespace     put in front of every name: robot1 gives /robot1/bharnet/actions
    autostart     configure and activate the node at once; empty: as params_file says
    log_level     how much the node says
    device        where the network runs; empty: as params_file says
    model         file of weights; empty: as params_file says
    intents       YAML that maps actions to hri_actions_msgs/Intent, "shipped" for the one in
                  config/; empty: no intents

With $ROS_SECURITY_ENABLE each process is given its enclave of config/sros2/policy.xml;
$ROS_SECURITY_ENCLAVE_OVERRIDE goes before that.

With source:=image there are two processes: the estimator (pictures to poses, under a guardian that
starts it again when it hangs) and the recogniser (poses to actions). Either may fail without the
other, and is started again; not where its exit code says that it can never work as it was started,
as with a wrong parameter. Nothing else is done to the nodes from here: they are lifecycle nodes
that obey their own parameter `autostart`, so that they start in the same way without launch. Nor
does this file look for torch: the executables go over to the Python that `make setup` made, or to
$BHARNET_PYTHON (bharnet_ros/interpreter.py), so that it works from any fresh shell.
"""

from collections.abc import Callable

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, EmitEvent, LogInfo, OpaqueFunction
from launch.events import matches_action
from launch.events.process import ProcessExited, ShutdownProcess
from launch.substitutions import (
    EnvironmentVariable,
    LaunchConfiguration,
    PathJoinSubstitution,
)
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from bharnet_ros.overrides import file_of

NEVER = 2  # bharnet_ros/spinning.py
SHIPPED_PARAMETERS = PathJoinSubstitution(
    [FindPackageShare("bharnet_ros"), "config", "recognize.yaml"]
)
ARGUMENTS = [
    DeclareLaunchArgument(
        "source",
        default_value="poses",
        choices=["image", "poses"],
        description="Where people come from: a camera, or a topic of poses.",
    ),
    DeclareLaunchArgument("image", default_value="image", description="Topic of the pictures."),
    DeclareLaunchArgument(
        "transport",
        default_value="",
        choices=["", "raw", "compressed"],
        description="Image, or CompressedImage on <image>/compressed; empty: as params_file says.",
    ),
    DeclareLaunchArgument(
        "depth",
        default_value="",
        description="Topic of depth aligned to the pictures; empty: no depth.",
    ),
    DeclareLaunchArgument(
        "camera_info",
        default_value="camera_info",
        description="Topic of the camera_info that belongs to them.",
    ),
    DeclareLaunchArgument(
        "use_sim_time",
        default_value="",
        choices=["", "true", "false"],
        description="Take the time from /clock, as for recordings; empty: as params_file says.",
    ),
    DeclareLaunchArgument(
        "params_file", default_value=SHIPPED_PARAMETERS, description="The parameters, a YAML file."
    ),
    DeclareLaunchArgument(
        "namespace",
        default_value="",
        description="Put in front of every name: robot1 gives /robot1/bharnet/actions.",
    ),
    DeclareLaunchArgument(
        "autostart",
        default_value="",
        choices=["", "true", "false"],
        description="Configure and activate the node at once; empty: as params_file says.",
    ),
    DeclareLaunchArgument(
        "log_level",
        default_value="info",
        choices=["debug", "info", "warn", "error", "fatal"],
        description="How much the node says.",
    ),
    DeclareLaunchArgument(
        "device",
        default_value="",
        description="Where the network runs: cpu, cuda:0; empty: as params_file says.",
    ),
    DeclareLaunchArgument(
        "model", default_value="", description="File of weights; empty: as params_file says."
    ),
    DeclareLaunchArgument(
        "intents",
        default_value="",
        description="YAML: action to hri_actions_msgs/Intent; shipped; empty: none.",
    ),
]


def give_up(event: ProcessExited, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
    """Do not start again what can never work: whoever is told to end is not respawned."""
    if event.returncode != NEVER:
        return None
    return [
        LogInfo(
            msg=f"{event.process_name} cannot work as it was started and is not started again: "
            "cure what it says above, and launch anew"
        ),
        EmitEvent(event=ShutdownProcess(process_matcher=matches_action(event.action))),
    ]


# As config/sros2/policy.xml names them.
ENCLAVES = {
    "recognize": "/bharnet",
    "estimate": "/bharnet_estimator",
    "intents": "/bharnet_intents",
}
AGAIN = {"respawn": True, "respawn_delay": 1.0, "on_exit": give_up}


def start_nodes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Start what the arguments say."""

    def argument(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    def start(
        executable: str,
        overrides: dict[str, bool | str],
        remappings: list[tuple[str, str]] | None = None,
    ) -> Node:
        flags = {
            name: argument(name) == "true"
            for name in ("use_sim_time", "autostart")
            if argument(name)
        }
        # Only what is given here goes before what the file says.
        given_here = [file_of(flags | overrides)] if flags or overrides else []
        return Node(
            package="bharnet_ros",
            executable=executable,
            # No name: the node has one, and a name given here would be given to every node of
            # the process.
            namespace=argument("namespace"),
            parameters=[argument("params_file"), *given_here],
            remappings=remappings or [],
            ros_arguments=["--log-level", argument("log_level"), *enclave(executable, context)],
            output="screen",
            emulate_tty=True,
            **AGAIN,
        )

    # An empty argument must not hide what the file says.
    given = {name: argument(name) for name in ("device", "model") if argument(name)}
    nodes: list[LaunchDescriptionEntity] = [start("recognize", {**given})]
    if argument("source") == "image":
        topics = [(name, argument(name)) for name in ("image", "depth", "camera_info")]
        overrides: dict[str, bool | str] = {}
        if argument("transport"):
            overrides["transport"] = argument("transport")
        if argument("depth"):
            overrides["use_depth"] = True
        nodes.append(start("estimate", overrides, [each for each in topics if each[1]]))
    if argument("intents"):
        nodes.append(intents(argument, context))
    return nodes


def enclave(executable: str, context: LaunchContext) -> list[str]:
    """What SROS 2 must be told of a process, where it is on."""
    on = EnvironmentVariable("ROS_SECURITY_ENABLE", default_value="").perform(context)
    return ["--enclave", ENCLAVES[executable]] if on == "true" else []


def intents(argument: Callable[[str], str], context: LaunchContext) -> Node:
    """The node that tells intents."""
    file = argument("intents")
    return Node(
        package="bharnet_ros",
        executable="intents",
        namespace=argument("namespace"),
        parameters=[
            {
                "file": "" if file == "shipped" else file,
                "use_sim_time": argument("use_sim_time") == "true",
            }
        ],
        ros_arguments=["--log-level", argument("log_level"), *enclave("intents", context)],
        output="screen",
        emulate_tty=True,
        **AGAIN,
    )


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments, then start the nodes."""
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=start_nodes)])
