"""The choreographies: one short function per kind, written for actor and partner on a `Stage`."""

from __future__ import annotations

from collections.abc import Callable

from intermask_cli.datasets.duets.kinds import dance, fighting, greeting, together
from intermask_cli.datasets.duets.stage import Stage

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
}
