"""Container ids out of cgroup texts."""

from __future__ import annotations

import pytest

from proccli.agent.facts import container_id

ID = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "text",
    [
        f"12:pids:/docker/{ID}\n",
        f"0::/system.slice/docker-{ID}.scope\n",
        f"3:cpu,cpuacct:/kubepods/burstable/pod1/{ID}\n0::/\n",
        f"5:name=systemd:/x\n4:memory:/kubepods.slice/cri-containerd-{ID}.scope\n",
        f"0::/a:b/{ID}\n",
    ],
)
def test_known_layouts_give_the_id(text: str) -> None:
    assert container_id(text, "scope-v2") == ID


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0::/\n",
        "0::/user.slice/user-1000.slice/session-1.scope\n",
        f"1:name=systemd:/docker/{ID}\n",
        f"0::/docker/{ID[:-1]}\n",
        f"0::/docker-{ID}.scop\n",
        f"9:pids:/docker/{ID}\nmalformed\n",
        f"9:pids:/docker/{ID}\n\n0::/\n",
        f"x:pids:/docker/{ID}\n",
        f"pids /docker/{ID}\n",
    ],
)
def test_others_give_none(text: str) -> None:
    assert container_id(text, "scope-v2") is None


def test_a_comment_is_passed_over() -> None:
    assert container_id(f"#9:pids:/\n8:memory:/docker/{ID}\n", "scope") == ID


def test_cgroup_v2_counts_for_some_agents_only() -> None:
    assert container_id(f"0::/docker/{ID}\n", "scope") is None
    assert container_id(f"0::/docker/{ID}\n", "scope-v2") == ID


def test_the_first_line_with_a_known_controller_decides() -> None:
    assert container_id(f"9:pids:/\n8:memory:/docker/{ID}\n", "scope-v2") is None


@pytest.mark.parametrize("odd", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\r"])
def test_only_a_newline_ends_a_line(odd: str) -> None:
    assert container_id(f"0::/a{odd}b/{ID}\n", "scope-v2") == ID


def test_the_id_is_any_64_bytes() -> None:
    assert container_id("0::/docker/" + "z" * 64, "scope-v2") == "z" * 64
