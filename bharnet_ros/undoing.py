# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A lifecycle node that knows what to undo: what its steps made goes again, last things first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions

from bharnet_ros.lifecycle import SUCCESS, SteadyNode, told


class UndoingNode(SteadyNode):
    """What to undo ``on_configure`` leaves in ``_configured``, ``on_activate`` in ``_active``."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        self._configured, self._active = contextlib.ExitStack(), contextlib.ExitStack()

    @contextlib.contextmanager
    def being_made(self) -> Iterator[None]:
        """A node that cannot be made leaves the graph at once, not with Python's garbage."""
        try:
            yield
        except BaseException:
            self.destroy_node()
            raise

    def publisher(
        self, undo: contextlib.ExitStack, kind: type, topic: str, qos: QoSProfile
    ) -> Publisher:
        """A publisher that ``undo`` removes; its QoS may be changed by parameters."""
        options = QoSOverridingOptions.with_default_policies()
        made = self.create_publisher(kind, topic, qos, qos_overriding_options=options)
        undo.callback(self.destroy_publisher, made)
        return made

    def destroy_node(self) -> None:
        """Leave nothing that outlives the node, whatever state it is in: no thread, no network."""
        with contextlib.ExitStack() as undo:
            undo.callback(super().destroy_node)
            undo.callback(self.forget)
            undo.callback(self._configured.close)
            undo.callback(self._active.close)

    def forget(self) -> None:
        """Let go of what a configured node holds; by then all that can be undone is."""

    @told
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._active.close()
        return SUCCESS

    @told
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._active.close()
        self._configured.close()
        self.forget()
        return SUCCESS

    # The same: whatever there is, goes.
    on_shutdown = on_error = on_cleanup
