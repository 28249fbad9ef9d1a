"""The estimator's node on real DDS: pictures in, poses out, at any load."""

from __future__ import annotations

import array
import threading
import time

import numpy as np
import pytest

pytest.importorskip("bharnet_ros.msg", reason="no ROS 2 here: run through `make test`")

from camera import FakeEstimator, camera
from people import START
from pictures import HEIGHT, WIDTH, camera_info, compressed, depth, image, rgb, scene, set_stamp
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from robot import SUCCESS, in_executor, set_parameter, spinning, stamp, start
from sensor_msgs.msg import Image

from bharnet.estimation import choose
from bharnet.estimation.estimator import EstimatorUnavailable
from bharnet.window import NANOSECONDS
from bharnet_ros.camera import health
from bharnet_ros.camera.node import EstimatorNode
from bharnet_ros.camera.worker import FrameRate
from bharnet_ros.msg import Action, ActionArray, PersonPoseArray
from bharnet_ros.stamps import to_time


def test_pictures_in_poses_out():
    with camera() as (node, photographer, fake):
        start(node)
        found = photographer.ready().shoot(0.0)
        assert (stamp(found.header), found.header.frame_id) == (START, "camera_optical_frame")
        assert (found.estimator, found.body_layout, found.hand_layout) == (
            "fake",
            "upper_body_11",
            "hand_21",
        )
        assert found.coordinates == PersonPoseArray.COORDINATES_IMAGE
        assert (found.image_width, found.image_height) == (WIDTH, HEIGHT)
        (person,) = found.people
        assert np.allclose(np.reshape(person.body, (-1, 4)), fake.people[0].body)
        assert len(person.left_hand) == 84
        ids = {photographer.shoot(0.1 * i).people[0].body_id for i in range(1, 5)}
        assert ids == {person.body_id} != {""}
        # Nobody is there: told all the same, for silence would look like a dead camera.
        fake.people = []
        assert list(photographer.shoot(1.0).people) == []


@pytest.mark.parametrize("kind", [".jpg", ".png"])
def test_compressed(kind):
    with camera(transport="compressed") as (node, photographer, fake):
        start(node)
        photographer.ready().shoot(0.0, compressed(kind))
        assert fake.shapes == [(HEIGHT, WIDTH, 3)]


@pytest.mark.parametrize(
    ("rotate", "mirrored", "corner"),
    [(0, True, (0, -1)), (90, False, (-1, 0)), (180, False, (-1, -1)), (270, False, (0, -1))],
)
def test_pictures_are_turned_upright(rotate, mirrored, corner):
    with camera(rotate=rotate, mirrored=mirrored) as (node, photographer, fake):
        seen = []
        look = fake.estimate
        fake.estimate = lambda picture, when: (seen.append(picture.copy()), look(picture, when))[1]
        start(node)
        found = photographer.ready().shoot(0.0)
        # What the camera shows at its upper left has come to the place of this corner.
        assert seen[0][0, 0].tolist() == scene()[corner].tolist()
        turned = rotate in (90, 270)
        assert (found.image_width, found.image_height) == (
            (HEIGHT, WIDTH) if turned else (WIDTH, HEIGHT)
        )


def test_newest_wins_and_the_others_are_counted():
    with camera() as (node, photographer, fake):
        start(node)
        photographer.ready()
        fake.gate.clear()
        photographer.show(0.0)
        assert fake.entered.acquire(timeout=20)
        for i in range(1, 10):
            photographer.show(0.1 * i)
        photographer.tells(pictures_received="10", dropped_for_a_newer_one="8")
        fake.gate.set()
        photographer.wait(lambda: len(photographer.poses) == 2)
        # The one in hand, and then the newest: none between.
        assert fake.stamps == [START, START + round(0.9 * NANOSECONDS)]
        photographer.tells(pictures_estimated="2")


def test_parameters_answer_while_the_estimator_is_held():
    """It is held for as long as it takes: no answer may depend on its coming back."""
    with camera() as (node, photographer, fake):
        start(node)
        photographer.ready()
        fake.gate.clear()
        photographer.show(0.0)
        assert fake.entered.acquire(timeout=20)
        names = GetParameters.Request(names=["frame_rate", "estimator"])
        given = Parameter("frame_rate", value=5.0).to_parameter_msg()
        ask, name = photographer.ask, "bharnet_estimator"
        for _ in range(20):
            photographer.show(0.1)
            answer = ask(GetParameters, f"{name}/get_parameters", names)
            assert answer.values[1].string_value == "mediapipe"
        (result,) = ask(
            SetParameters, f"{name}/set_parameters", SetParameters.Request(parameters=[given])
        ).results
        assert result.successful
        assert node.settings["frame_rate"] == 5.0
        assert len(fake.stamps) == 1
        assert not fake.gate.is_set()


def test_frame_rate_is_kept_and_may_change():
    with camera(frame_rate=10.0) as (node, photographer, fake):
        start(node)
        photographer.ready()
        for i in range(30):  # 30 Hz
            photographer.show(i / 30)
            photographer.wait(lambda i=i: len(fake.stamps) > i // 3)
        photographer.tells(pictures_estimated="10", dropped_for_the_frame_rate="20")
        assert set_parameter(node, "frame_rate", 0.0) == ""
        for i in range(30, 33):
            photographer.shoot(i / 30)
        assert set_parameter(node, "frame_rate", -1.0) != ""


@pytest.mark.parametrize(
    ("camera_rate", "rate", "taken"), [(30, 10, 10), (30, 12, 12), (29.97, 15, 15), (10, 30, 10)]
)
def test_frame_rate(camera_rate, rate, taken):
    pace = FrameRate(rate)
    rng = np.random.default_rng(0)
    seconds = (np.arange(300) + rng.uniform(-0.1, 0.1, 300)) / (camera_rate)
    kept = [s for s in seconds if pace.takes(START + round(s * NANOSECONDS))]
    assert len(kept) / seconds[-1] == pytest.approx(taken, rel=0.05)
    # Time jumps back by hours, or there was a pause: it goes on at once.
    assert pace.takes(START - 7200 * NANOSECONDS)
    assert pace.takes(START + 7200 * NANOSECONDS)


def test_debug_image_only_where_somebody_looks():
    with camera() as (node, photographer, _):
        start(node)
        body = photographer.ready().shoot(0.0).people[0].body_id
        seen = []
        looker = photographer.node.create_subscription(
            Image, "bharnet_estimator/debug_image", seen.append, 10
        )
        photographer.wait(lambda: photographer.node.count_publishers(looker.topic_name))
        photographer.wait(looker.get_publisher_count)
        photographer.wait(lambda: in_executor(node, node._debug.get_subscription_count))
        # What the recogniser says of this body is written beside it.
        says = photographer.node.create_publisher(ActionArray, "bharnet/actions", 10)
        photographer.wait(says.get_subscription_count)
        photographer.wait(node._actions.get_publisher_count)
        told = ActionArray(actions=[Action(body_id=body, label="wave", state=Action.ONGOING)])
        told.header.stamp = to_time(START)
        says.publish(told)
        photographer.wait(lambda: node._captions)
        assert node._captions[body].label == "wave"
        sent = photographer.show(0.1, rgb(scene(320, 240)))
        photographer.wait(lambda: seen)
        (drawn,) = seen
        assert (drawn.width, drawn.height, drawn.encoding) == (320, 240, "rgb8")
        assert drawn.header == sent.header
        assert bytes(drawn.data) != bytes(sent.data)
        # They look away: nothing is drawn any more.
        photographer.node.destroy_subscription(looker)
        photographer.wait(lambda: not in_executor(node, node._debug.get_subscription_count))
        photographer.shoot(0.2)
        assert not in_executor(node, lambda: node._watched)


def test_ages_and_shares_are_told():
    with camera() as (node, photographer, _):
        start(node)
        photographer.ready()
        says = photographer.node.create_publisher(ActionArray, "bharnet/actions", 10)
        photographer.wait(says.get_subscription_count)
        photographer.wait(node._actions.get_publisher_count)
        result = ActionArray(header=photographer.shoot(0.0).header)
        says.publish(result)
        photographer.wait(
            lambda: (
                photographer.diagnostics
                and photographer.diagnostics[-1]["result age p95 (ms)"] != "nan"
            )
        )
        told = {key: value for key, value in photographer.diagnostics[-1].items() if "(ms)" in key}
        assert len(told) == 8
        assert all(float(value) >= 0 for value in told.values())
        assert float(told["pose age p50 (ms)"]) >= float(told["estimator p50 (ms)"])
        assert float(told["result age p50 (ms)"]) > float(told["pose age p50 (ms)"])


FOCAL = 60.0


def sent(photographer, second: float, metres: np.ndarray, apart: float = 0.01) -> Image:
    """Depth and camera_info a little later, then the picture."""
    when = START + round((second + apart) * NANOSECONDS)
    photographer.depth.publish(set_stamp(depth(metres), when))
    photographer.info.publish(set_stamp(camera_info(focal=FOCAL), when))
    return photographer.show(second)


def test_depth_lifts_joints_to_metres():
    with camera(use_depth=True) as (node, photographer, fake):
        start(node)
        photographer.ready()
        metres = np.full((HEIGHT, WIDTH), 2.0)
        metres[:, : WIDTH // 3] = np.nan
        sent(photographer, 0.0, metres)
        photographer.wait(lambda: photographer.poses)
        found = photographer.poses[0]
        assert found.coordinates == PersonPoseArray.COORDINATES_CAMERA
        assert stamp(found.header) == START
        body = np.reshape(found.people[0].body, (-1, 4))
        pixels = fake.people[0].body[:, :2] * (WIDTH, HEIGHT)
        there = pixels[:, 0] > WIDTH / 3 + 2
        assert there.any()
        wanted = (pixels - (WIDTH / 2, HEIGHT / 2)) / FOCAL * 2.0
        assert np.allclose(body[there, :2], wanted[there], atol=1e-4)
        assert np.allclose(body[there, 2], 2.0)
        hidden = pixels[:, 0] < WIDTH / 3 - 2
        assert np.isnan(body[hidden, :3]).all()
        assert (body[hidden, 3] == 0).all()


def test_depth_of_another_size_or_moment_is_not_used():
    with camera(use_depth=True) as (node, photographer, fake):
        start(node)
        photographer.ready()
        sent(photographer, 0.0, np.full((HEIGHT // 2, WIDTH // 2), 2.0))
        photographer.said("depth is 32 x 24 pixels, the picture 64 x 48")
        sent(photographer, 1.0, np.full((HEIGHT, WIDTH), 2.0), apart=0.2)
        sent(photographer, 2.0, np.full((HEIGHT, WIDTH), 2.0))
        photographer.wait(lambda: photographer.poses)
        assert fake.stamps == [START + 2 * NANOSECONDS]
        # Time begins anew, as when a bag is played again: pairs are found all the same.
        for i in range(3):
            sent(photographer, -100.0 + i, np.full((HEIGHT, WIDTH), 2.0))
        photographer.wait(lambda: len(photographer.poses) > 1)


def test_depth_of_a_turned_picture_is_refused_at_once():
    with camera() as (node, *_):
        reason = set_parameter(node, "rotate", 45)
        assert "none of 0, 90, 180, 270" in reason
        assert set_parameter(node, "rotate", 90) == ""
        assert "cannot be turned with the picture" in set_parameter(node, "use_depth", True)


def test_static_parameters_wait_for_cleanup():
    with camera() as (node, *_):
        assert in_executor(node, node.trigger_configure) == SUCCESS
        assert "only while the node is unconfigured" in set_parameter(node, "rotate", 90)
        assert in_executor(node, node.trigger_cleanup) == SUCCESS
        assert set_parameter(node, "rotate", 90) == ""


def test_camera_stops_and_returns(monkeypatch):
    monkeypatch.setattr(health, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(health, "SILENT_SECONDS", 0.2)
    with camera() as (node, photographer, _):
        start(node)
        before = photographer.ready().shoot(0.0)
        photographer.said("no pictures arrive on /image")
        photographer.tells(**{"input rate (Hz)": "0.0"})
        again = photographer.shoot(0.5)
        assert again.people[0].body_id == before.people[0].body_id


def test_a_camera_that_offers_best_effort_only_is_heard():
    with camera() as (node, photographer, fake):
        start(node)
        photographer.ready().shoot(0.0)
        before = in_executor(node, lambda: held(node))
        weak = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        other = photographer.node.create_publisher(Image, "image", weak)
        photographer.said("offers best effort only")
        # Both are heard from now on.
        photographer.ready()
        photographer.wait(other.get_subscription_count)
        heard = [each for each in node.subscriptions if each.topic_name == "/image"]
        photographer.wait(lambda: heard[0].get_publisher_count() == 2)
        photographer.shoot(0.1)
        other.publish(set_stamp(rgb(), START + NANOSECONDS))
        photographer.wait(lambda: START + NANOSECONDS in fake.stamps)
        assert in_executor(node, lambda: held(node)) == before


def test_an_estimator_that_fails_begins_anew_and_goes_on():
    with camera() as (node, photographer, fake):
        start(node)
        photographer.ready().shoot(0.0)
        fake.failures = [RuntimeError("the graph has an error")]
        photographer.show(0.1)
        photographer.said("estimation failed: RuntimeError: the graph has an error")
        assert fake.resets == 1
        photographer.shoot(0.2)
        photographer.tells(refused="1", pictures_estimated="2")


def held(node) -> dict[str, int]:
    """What may leak."""
    kinds = ("publishers", "subscriptions", "timers", "guards", "waitables", "services", "clients")
    return {
        **{kind: len(list(getattr(node, kind))) for kind in kinds},
        "threads": threading.active_count(),
    }


def test_a_hundred_cycles_leave_nothing_behind():
    with camera() as (node, _, fake):

        def cycle() -> None:
            assert node.trigger_activate() == SUCCESS
            assert node.trigger_deactivate() == SUCCESS

        in_executor(node, node.trigger_configure)
        in_executor(node, cycle)
        before = in_executor(node, lambda: held(node))
        for _ in range(100):
            in_executor(node, cycle)
        assert in_executor(node, lambda: held(node)) == before
        in_executor(node, node.trigger_cleanup)
        assert fake.closed


def test_people_are_seen_after_several_cycles():
    with camera() as (node, photographer, _):
        in_executor(node, node.trigger_configure)
        for number in range(5):
            in_executor(node, node.trigger_activate)
            photographer.ready().shoot(float(number))
            in_executor(node, node.trigger_deactivate)


@pytest.mark.xfail(
    reason="known defect, 1 run in 8: after 100 cycles within a second or two the topics of "
    "camera and node are not matched again within 20 s; the cause is not found"
)
def test_people_are_seen_after_a_hundred_cycles():
    with camera() as (node, photographer, _):

        def cycle() -> None:
            assert node.trigger_activate() == SUCCESS
            assert node.trigger_deactivate() == SUCCESS

        in_executor(node, node.trigger_configure)
        for _ in range(101):
            in_executor(node, cycle)
        in_executor(node, node.trigger_activate)
        photographer.ready().shoot(0.0)


def test_ids_are_not_used_again_after_a_deactivation():
    with camera() as (node, photographer, _):
        start(node)
        before = photographer.ready().shoot(0.0).people[0].body_id
        in_executor(node, node.trigger_deactivate)
        in_executor(node, node.trigger_activate)
        assert photographer.ready().shoot(0.1).people[0].body_id != before


def test_receive_stamps_where_the_camera_has_none():
    with camera(stamp_source="receive") as (node, photographer, _):
        start(node)
        photographer.ready()
        before = time.time_ns()
        photographer.cameras[Image].publish(rgb())
        photographer.wait(lambda: photographer.poses)
        assert before <= stamp(photographer.poses[0].header) <= time.time_ns()


def test_padded_rows_and_4k():
    large = scene(3840, 2160)
    with camera() as (node, photographer, fake):
        start(node)
        photographer.ready().shoot(0.0, image(large, "rgb8", padding=64))
        photographer.shoot(0.1, image(large, "rgb8"))
        assert fake.shapes == [(2160, 3840, 3)] * 2


def test_compressed_4k():
    with camera(transport="compressed") as (node, photographer, fake):
        start(node)
        photographer.ready().shoot(0.0, compressed(".jpg", scene(3840, 2160)))
        assert fake.shapes == [(2160, 3840, 3)]


def empty(message: Image) -> Image:
    message.data = array.array("B")
    return message


BAD = {
    "nothing in it": (lambda: Image(encoding="rgb8"), "empty picture"),
    "no pixels": (lambda: empty(rgb()), "empty picture"),
    "wrong step": (lambda: image(scene(), "bgra8", width=WIDTH), "step is 192"),
    "unknown encoding": (lambda: image(scene(), "rgb565"), "unknown encoding 'rgb565'"),
    "too small": (lambda: rgb(scene(8, 8)), "shows nobody"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_pictures_cost_nothing_but_themselves(case):
    make, says = BAD[case]
    with camera() as (node, photographer, fake):
        start(node)
        before = photographer.ready().shoot(0.0)
        for i in range(1, 11):
            photographer.show(0.1 * i, make())
        photographer.said(says)
        photographer.tells(refused="10", pictures_received="11")
        assert len([line for line in photographer.log if says in line]) == 1  # throttled
        after = photographer.shoot(1.1)
        assert after.people[0].body_id == before.people[0].body_id
        assert len(fake.stamps) == 2


def test_truncated_jpegs_cost_nothing_but_themselves():
    with camera(transport="compressed") as (node, photographer, fake):
        start(node)
        photographer.ready().shoot(0.0, compressed())
        for i, share in enumerate((0.01, 0.3, 0.6, 0.99)):
            photographer.show(0.1 + 0.1 * i, compressed(keep=share))
        photographer.said("without its end")
        photographer.tells(refused="4")
        photographer.shoot(1.0, compressed())
        assert len(fake.stamps) == 2


def test_resolution_may_change():
    with camera() as (node, photographer, fake):
        start(node)
        photographer.ready()
        for i, size in enumerate([(64, 48), (320, 240), (48, 64), (64, 48)]):
            found = photographer.shoot(0.1 * i, rgb(scene(*size)))
            assert (found.image_width, found.image_height) == size
        assert [shape[:2] for shape in fake.shapes] == [(48, 64), (240, 320), (64, 48), (48, 64)]


def test_stamps_that_are_zero_or_go_back():
    with camera() as (node, photographer, _):
        start(node)
        first = photographer.ready().shoot(100.0)
        zero = rgb()
        photographer.cameras[Image].publish(zero)
        photographer.said("stamp_source:=receive")
        photographer.show(100.0)  # equal
        photographer.said("older than (or equal to) the newest")
        photographer.show(99.7)  # and a little late
        photographer.tells(refused="3")
        assert photographer.shoot(100.1).people[0].body_id == first.people[0].body_id
        # By more: time began anew, and so does everybody.
        again = photographer.shoot(0.0)
        assert again.people[0].body_id != first.people[0].body_id
        photographer.said("time jumped back")


def test_missing_model_fails_configure_and_can_be_cured(tmp_path):
    missing = {"estimator": "wholebody", "estimator_model": str(tmp_path / "none.onnx")}
    with spinning(EstimatorNode, **missing) as (node, _, log):
        assert in_executor(node, node.trigger_configure) != SUCCESS
        (line,) = [line for line in log if "configure failed" in line]
        assert "none.onnx" in line
        # It lives, and can be told of another.
        assert set_parameter(node, "estimator_model", "elsewhere.onnx") == ""


def test_a_gpu_that_is_not_there_fails_configure_and_can_be_cured(monkeypatch):
    def refuse(config):
        if config.delegate == "gpu":
            raise EstimatorUnavailable("no GPU here; use delegate cpu")
        return FakeEstimator()

    monkeypatch.setitem(choose.ESTIMATORS, "mediapipe", refuse)
    with spinning(EstimatorNode, delegate="gpu") as (node, _, log):
        assert in_executor(node, node.trigger_configure) != SUCCESS
        assert any("configure failed: no GPU here; use delegate cpu" in line for line in log)
        assert set_parameter(node, "delegate", "cpu") == ""
        start(node)


def test_unknown_estimator_is_refused():
    with camera() as (node, *_):
        assert "unknown estimator 'magic'" in set_parameter(node, "estimator", "magic")
        assert "none of cpu, gpu" in set_parameter(node, "delegate", "tpu")
