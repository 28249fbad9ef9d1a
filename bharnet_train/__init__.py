"""The offline package: trains BHaRNet, scores it, exports it. Needs no ROS."""
