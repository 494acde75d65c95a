"""How bash, zsh and fish ask for completions, and what they get.

A shell passes its line up to the cursor and gets one completion per line: type, value and
description, separated by tabs. click's own classes cut values and descriptions at commas, spaces
or colons, and process names have all of these. Importing this module registers the classes.
"""

from __future__ import annotations

import os
import re
from typing import Any, ClassVar, Final

from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    add_completion_class,
    split_arg_string,
)

from proccli.text import visible

_BASH: Final = """\
_proccli_completion() {
    local IFS=$'\\t' cur="${COMP_WORDS[COMP_CWORD]}" type value help files=
    COMPREPLY=()
    while read -r type value help; do
        case "$type" in
            plain) COMPREPLY+=("$value") ;;
            file) files=-f ;;
            dir) files=-d ;;
        esac
    done < <(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" COMP_CUR="$cur" \\
        COMP_BREAKS="$COMP_WORDBREAKS" _PROCCLI_COMPLETE=bash_complete "$1" 2>/dev/null)
    if [[ -n "$files" ]]; then
        compopt -o filenames 2>/dev/null
        while IFS= read -r value; do
            COMPREPLY+=("$value")
        done < <(compgen "$files" -- "$cur")
    fi
}

complete -o nosort -F _proccli_completion proccli 2>/dev/null ||
    complete -F _proccli_completion proccli
"""

_ZSH: Final = """\
#compdef proccli

_proccli_completion() {
    local -a plain described
    local type value help
    (( ! $+commands[proccli] )) && return 1

    while IFS=$'\\t' read -r type value help; do
        case "$type" in
            plain)
                if [[ -n "$help" ]]; then
                    described+=("${value//:/\\\\:}:$help")
                else
                    plain+=("$value")
                fi ;;
            dir) _path_files -/ ;;
            file) _path_files -f ;;
        esac
    done < <(env COMP_WORDS="${words[1,CURRENT-1]} $PREFIX" _PROCCLI_COMPLETE=zsh_complete \\
        proccli 2>/dev/null)

    if (( $#described )); then
        _describe -V unsorted described -U
    fi
    if (( $#plain )); then
        compadd -U -V unsorted -a plain
    fi
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    # Loaded from a folder in fpath.
    _proccli_completion "$@"
else
    # Sourced, or evaluated.
    compdef _proccli_completion proccli
fi
"""

_FISH: Final = """\
function _proccli_completion
    set -l line (commandline -cp | string collect)
    for item in (env _PROCCLI_COMPLETE=fish_complete COMP_WORDS="$line" proccli 2>/dev/null)
        set -l part (string split -m 2 \\t -- $item)
        switch $part[1]
            case plain
                printf '%s\\t%s\\n' $part[2] $part[3]
            case dir
                __fish_complete_directories (commandline -ct)
            case file
                __fish_complete_path (commandline -ct)
        end
    end
end

complete --no-files --keep-order --command proccli --arguments "(_proccli_completion)"
"""


class _Shell(ShellComplete):
    """What the three have in common."""

    name: ClassVar[str] = ""

    def source(self) -> str:
        """The script, which needs no values."""
        return self.source_template

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor, without the program, and the word at the cursor."""
        # Without the mark, a blank at the end and an empty word look the same.
        words = split_arg_string(os.environ.get("COMP_WORDS", "") + "\x00")
        return words[1:-1], words[-1].removesuffix("\x00")

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """One line: type, value, description."""
        _, incomplete = self.get_completion_args()
        value = item.value if item.type == "plain" else ""
        return f"{item.type}\t{self.whole_word(value, incomplete)}\t{visible(item.help or '')}"

    def whole_word(self, value: str, incomplete: str) -> str:
        """What replaces the word at the cursor: click leaves out the option of `--name=value`."""
        name, equals, _ = incomplete.partition("=")
        return f"{name}={value}" if equals and name.startswith("--") else value

    def complete(self) -> str:
        """The lines. An error must not be printed into the line that a user types."""
        try:
            return super().complete()
        except Exception:
            return ""


class BashCompletion(_Shell):
    """bash inserts a value as it is, in place of the part after the last separator."""

    name = "bash"
    source_template = _BASH

    def whole_word(self, value: str, incomplete: str) -> str:
        """The value after the last separator in the word, with blanks and the like quoted."""
        separators = set(os.environ.get("COMP_BREAKS", "=:"))
        if os.environ.get("COMP_CUR", "")[:1] in ("'", '"') and not incomplete.startswith("-"):
            return value
        if "=" not in separators:
            value = super().whole_word(value, incomplete)
        if ":" in separators and ":" in incomplete:
            value = value.removeprefix(incomplete[: incomplete.rindex(":") + 1])
        return re.sub(r"([^\w@%+=:,./-])", r"\\\1", value)


class ZshCompletion(_Shell):
    """zsh quotes values itself."""

    name = "zsh"
    source_template = _ZSH


class FishCompletion(_Shell):
    """fish quotes values itself."""

    name = "fish"
    source_template = _FISH


SHELLS: Final = {"bash": BashCompletion, "zsh": ZshCompletion, "fish": FishCompletion}

for _shell in SHELLS.values():
    add_completion_class(_shell)
