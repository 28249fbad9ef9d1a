"""What rclpy's lifecycle leaves out: it swallows the reason why a transition failed."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

Transition = Callable[[Any, LifecycleState], TransitionCallbackReturn]


def told(transition: Transition) -> Transition:
    """Log what a transition raises. What a user can cure only fails it: the node lives on."""

    @functools.wraps(transition)
    def wrapped(node: Any, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(node, state)
        except (ValueError, RuntimeError) as error:  # a bad model, no such device, no GPU memory
            node.get_logger().error(f"{transition.__name__[3:]} failed: {error}")
            return TransitionCallbackReturn.FAILURE
        except Exception:
            node.get_logger().error(traceback.format_exc())
            return TransitionCallbackReturn.ERROR

    return wrapped
