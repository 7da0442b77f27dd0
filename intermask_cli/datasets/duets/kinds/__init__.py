"""The choreographies: one short function per kind, written for actor and partner on a `Stage`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from intermask_cli.datasets.duets.kinds import (
    bouts,
    cheer,
    couples,
    dance,
    fighting,
    furniture,
    greeting,
    helping,
    play,
    talk,
    together,
)
from intermask_cli.datasets.duets.labels import Labels
from intermask_cli.datasets.duets.rig import Body
from intermask_cli.datasets.duets.stage import Stage, Start

CHOREOGRAPHY: dict[str, Callable[[Stage], None]] = {
    "handshake": greeting.handshake,
    "bow": greeting.bow,
    "wave": greeting.wave,
    "high_five": greeting.high_five,
    "hug": greeting.hug,
    "punch_guard": fighting.punch_guard,
    "kick_dodge": fighting.kick_dodge,
    "push_stagger": fighting.push_stagger,
    "circle_each_other": together.circle_each_other,
    "mirror_dance": dance.mirror_dance,
    "lead_by_hand": together.lead_by_hand,
    "follow": together.follow,
    "fist_bump": greeting.fist_bump,
    "block": fighting.block,
    "circle_hands": dance.circle_hands,
    "turn_under_arm": dance.turn_under_arm,
    "walk_side_by_side": together.walk_side_by_side,
    "pass_by": together.pass_by,
    "pull_up": helping.pull_up,
    "support_walk": helping.support_walk,
    "hand_over": helping.hand_over,
    "clap_game": play.clap_game,
    "point_and_look": play.point_and_look,
    "sneak_startle": play.sneak_startle,
    "rock_paper_scissors": play.rock_paper_scissors,
    "whisper": play.whisper,
    "both_bow": greeting.both_bow,
    "waves_back": greeting.waves_back,
    "high_ten": greeting.high_ten,
    "toast": cheer.toast,
    "shoulder_bump": cheer.shoulder_bump,
    "applause": cheer.applause,
    "celebrate_jump": cheer.celebrate_jump,
    "photo_together": cheer.photo_together,
    "sit_together": furniture.sit_together,
    "talk_gestures": talk.talk_gestures,
    "argument": talk.argument,
    "beckon": talk.beckon,
    "comfort": talk.comfort,
    "carry_together": furniture.carry_together,
    "arm_wrestle": furniture.arm_wrestle,
    "tug": furniture.tug,
    "waltz_hold": couples.waltz_hold,
    "latin_dance": couples.latin_dance,
    "dodge_counter": bouts.dodge_counter,
    "boxing_bout": bouts.boxing_bout,
    "sabre_duel": bouts.sabre_duel,
}


def perform(
    rng: np.random.Generator, labels: Labels, bodies: tuple[Body, Body], start: Start | None = None
) -> Stage:
    """A stage on which the choreography of these labels has been played."""
    stage = Stage(
        rng, bodies, labels.tempo, labels.manner, labels.repeats, labels.approach,
        straight=labels.side is None, start=start,
    )  # fmt: skip
    CHOREOGRAPHY[labels.kind](stage)
    return stage
