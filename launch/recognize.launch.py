"""Start the recogniser: `ros2 launch bharnet_ros recognize.launch.py device:=cuda`.

    use_sim_time  take the time from /clock, as recordings need it
    params_file   the parameters, a YAML file
    namespace     put in front of every name: robot1 gives /robot1/bharnet/actions
    autostart     configure and activate the node at once
    log_level     how much the node says
    device        where the network runs; empty: as params_file says
    model         file of weights; empty: as params_file says

Nothing is done to the node from here: it is a lifecycle node that obeys its own parameter
`autostart`, so that it starts in the same way without launch. Nor does this file look for torch:
the executable goes over to the Python that `make setup` made, or to $BHARNET_PYTHON
(bharnet_ros/interpreter.py), so that it works from any fresh shell.
"""

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

SECONDS_BEFORE_RESPAWN = 1.0


def start_recognizer(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Start the node with what the arguments say."""

    def argument(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    overrides: dict[str, bool | str] = {
        name: argument(name) == "true" for name in ("use_sim_time", "autostart")
    }
    # An empty argument must not hide what the file says.
    overrides |= {name: argument(name) for name in ("device", "model") if argument(name)}
    node = Node(
        package="bharnet_ros",
        executable="recognize",
        # No name: the node calls itself bharnet, and a name given here would be given to every
        # node of the process.
        namespace=argument("namespace"),
        parameters=[argument("params_file"), overrides],
        ros_arguments=["--log-level", argument("log_level")],
        output="screen",
        emulate_tty=True,
        respawn=True,
        respawn_delay=SECONDS_BEFORE_RESPAWN,
    )
    return [node]


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments, then start the node."""
    shipped_parameters = PathJoinSubstitution(
        [FindPackageShare("bharnet_ros"), "config", "recognize.yaml"]
    )
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "use_sim_time",
                default_value="false",
                choices=["true", "false"],
                description="Take the time from /clock, as recordings need it.",
            ),
            DeclareLaunchArgument(
                "params_file",
                default_value=shipped_parameters,
                description="The parameters, a YAML file.",
            ),
            DeclareLaunchArgument(
                "namespace",
                default_value="",
                description="Put in front of every name: robot1 gives /robot1/bharnet/actions.",
            ),
            DeclareLaunchArgument(
                "autostart",
                default_value="true",
                choices=["true", "false"],
                description="Configure and activate the node at once.",
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
                "model",
                default_value="",
                description="File of weights; empty: as params_file says.",
            ),
            OpaqueFunction(function=start_recognizer),
        ]
    )
