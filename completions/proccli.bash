_proccli_completion() {
    local IFS=$'\t' cur="${COMP_WORDS[COMP_CWORD]}" type value help files=
    COMPREPLY=()
    while read -r type value help; do
        case "$type" in
            plain) COMPREPLY+=("$value") ;;
            file) files=-f ;;
            dir) files=-d ;;
        esac
    done < <(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" COMP_CUR="$cur" \
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
