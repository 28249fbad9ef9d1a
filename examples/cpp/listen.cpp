// Copyright 2026 bharnet_ros maintainers
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include <bharnet_ros/msg/action_array.hpp>
#include <rclcpp/rclcpp.hpp>

using bharnet_ros::msg::Action;
using bharnet_ros::msg::ActionArray;

int main(int argc, char ** argv)
{
  rclcpp::init(argc, argv);
  auto node = rclcpp::Node::make_shared("controller");
  auto subscription = node->create_subscription<ActionArray>(
    "/bharnet/actions", 10, [](const ActionArray & message) {
      for (const auto & action : message.actions) {
        if (action.state == Action::ONSET) {
          std::printf("%s %s %.2f\n", action.body_id.c_str(), action.label.c_str(), action.confidence);
        }
      }
    });
  rclcpp::spin(node);
  rclcpp::shutdown();
}
