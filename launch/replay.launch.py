# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Judge the node by a recording: `ros2 launch bharnet_ros replay.launch.py bag:=PATH`.

    bag          a rosbag2 with poses
    labels       what really happens in it: CSV, ELAN or VIA; empty: a topic of the bag
    out          folder of the recorded actions and the report; empty: runs/BAG-replay
    speed        1 = as recorded
    model        file of weights; empty: as params_file says
    params_file  the node's parameters, a YAML file

The node runs with use_sim_time and hears reliably, so that nothing should be lost; what was lost
is counted in the report. Launch ends when the recording has been judged.
"""

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from bharnet_ros.demo.recogniser import REPLAY, stop_after
from bharnet_ros.overrides import file_of


def start_replay(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Start the node and, beside it, the player that judges it."""

    def argument(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    overrides = {**REPLAY, "stop_after_seconds": stop_after(float(argument("speed")))}
    if argument("model"):
        overrides["model"] = argument("model")
    node = Node(
        package="bharnet_ros",
        executable="recognize",
        parameters=[argument("params_file"), file_of(overrides)],
        output="screen",
        on_exit=Shutdown(reason="the recogniser has ended"),
    )
    given = [argument("bag"), "--running", "--speed", argument("speed")]
    for name in ("labels", "out"):
        if argument(name):
            given += [f"--{name}", argument(name)]
    player = Node(
        package="bharnet_ros",
        executable="replay",
        arguments=given,
        output="screen",
        on_exit=Shutdown(reason="the recording has been judged"),
    )
    return [node, player]


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments, then start both."""
    shipped_parameters = PathJoinSubstitution(
        [FindPackageShare("bharnet_ros"), "config", "recognize.yaml"]
    )
    return LaunchDescription(
        [
            DeclareLaunchArgument("bag", description="A rosbag2 with poses."),
            DeclareLaunchArgument(
                "labels",
                default_value="",
                description="CSV, ELAN or VIA; empty: a topic of the bag.",
            ),
            DeclareLaunchArgument(
                "out", default_value="", description="Folder; empty: runs/BAG-replay."
            ),
            DeclareLaunchArgument("speed", default_value="1.0", description="1 = as recorded."),
            DeclareLaunchArgument(
                "model",
                default_value="",
                description="File of weights; empty: as params_file says.",
            ),
            DeclareLaunchArgument(
                "params_file",
                default_value=shipped_parameters,
                description="The parameters, a YAML file.",
            ),
            OpaqueFunction(function=start_replay),
        ]
    )
