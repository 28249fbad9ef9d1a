# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks call their actions, and subsets of them.

Names as the data sets' own pages print them, misspellings put right and A119 shortened: NTU RGB+D
(github.com/shahroudy/NTURGB-D) A1 to A60 are NTU RGB+D 60, all are 120; PKU-MMD's Actions.xlsx.
"""

from __future__ import annotations

from types import MappingProxyType


def _numbered(lines: str) -> MappingProxyType[int, str]:
    """Number from 1 -> name, one name a line."""
    names = (line.strip() for line in lines.strip().splitlines())
    return MappingProxyType(dict(enumerate(names, 1)))


NTU = _numbered(
    """
    drink water
    eat meal/snack
    brushing teeth
    brushing hair
    drop
    pickup
    throw
    sitting down
    standing up (from sitting position)
    clapping
    reading
    writing
    tear up paper
    wear jacket
    take off jacket
    wear a shoe
    take off a shoe
    wear on glasses
    take off glasses
    put on a hat/cap
    take off a hat/cap
    cheer up
    hand waving
    kicking something
    put something inside pocket / take out something from pocket
    hopping (one foot jumping)
    jump up
    make a phone call/answer phone
    playing with phone/tablet
    typing on a keyboard
    pointing to something with finger
    taking a selfie
    check time (from watch)
    rub two hands together
    nod head/bow
    shake head
    wipe face
    salute
    put the palms together
    cross hands in front (say stop)
    sneeze/cough
    staggering
    falling
    touch head (headache)
    touch chest (stomachache/heart pain)
    touch back (backache)
    touch neck (neckache)
    nausea or vomiting condition
    use a fan (with hand or paper)/feeling warm
    punching/slapping other person
    kicking other person
    pushing other person
    pat on back of other person
    point finger at the other person
    hugging other person
    giving something to other person
    touch other person's pocket
    handshaking
    walking towards each other
    walking apart from each other
    put on headphone
    take off headphone
    shoot at the basket
    bounce ball
    tennis bat swing
    juggling table tennis balls
    hush (quiet)
    flick hair
    thumb up
    thumb down
    make ok sign
    make victory sign
    staple book
    counting money
    cutting nails
    cutting paper (using scissors)
    snapping fingers
    open bottle
    sniff (smell)
    squat down
    toss a coin
    fold paper
    ball up paper
    play magic cube
    apply cream on face
    apply cream on hand back
    put on bag
    take off bag
    put something into a bag
    take something out of a bag
    open a box
    move heavy objects
    shake fist
    throw up cap/hat
    hands up (both hands)
    cross arms
    arm circles
    arm swings
    running on the spot
    butt kicks (kick backward)
    cross toe touch
    side kick
    yawn
    stretch oneself
    blow nose
    hit other person with something
    wield knife towards other person
    knock over other person (hit with body)
    grab other person's stuff
    shoot at other person with a gun
    step on foot
    high-five
    cheers and drink
    carry something with other person
    take a photo of other person
    follow other person
    whisper in other person's ear
    exchange things with other person
    support somebody with one's hand
    finger-guessing game (playing rock-paper-scissors)
    """
)

PKU = _numbered(
    """
    bow
    brushing hair
    brushing teeth
    check time (from watch)
    cheer up
    clapping
    cross hands in front (say stop)
    drink water
    drop
    eat meal/snack
    falling
    giving something to other person
    hand waving
    handshaking
    hopping (one foot jumping)
    hugging other person
    jump up
    kicking other person
    kicking something
    make a phone call/answer phone
    pat on back of other person
    pickup
    playing with phone/tablet
    point finger at the other person
    pointing to something with finger
    punching/slapping other person
    pushing other person
    put on a hat/cap
    put something inside pocket
    reading
    rub two hands together
    salute
    sitting down
    standing up
    take off a hat/cap
    take off glasses
    take off jacket
    take out something from pocket
    taking a selfie
    tear up paper
    throw
    touch back (backache)
    touch chest (stomachache/heart pain)
    touch head (headache)
    touch neck (neckache)
    typing on a keyboard
    use a fan (with hand or paper)/feeling warm
    wear jacket
    wear on glasses
    wipe face
    writing
    """
)

# Our own choice of NTU classes that the fingers decide, and a wider one. BHaRNet's authors report
# on "NTU-Hand 11" and "27" without publishing which classes these are: figures on ours compare
# with nobody's but ours.
_FINGERS = (*range(69, 78), 81, 84)
_HANDS = (*range(10, 14), *range(29, 32), 33, 34, 39, 54, 67, 78, 82, 83, 86)
SUBSETS: dict[str, frozenset[str]] = {
    "hand_intensive_11": frozenset(NTU[number] for number in _FINGERS),
    "hand_intensive_27": frozenset(NTU[number] for number in (*_FINGERS, *_HANDS)),
}
