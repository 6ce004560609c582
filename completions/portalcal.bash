# portalcal: completion for bash 4 and later. Source this file from ~/.bashrc, or put it into
# ~/.local/share/bash-completion/completions/ as portalcal.
_portalcal() {
    local line kind=
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ -z $kind ]]; then
            kind=$line
        else
            COMPREPLY+=("$line")
        fi
    done < <(
        _PORTALCAL_COMPLETE=bash _PORTALCAL_LINE="${COMP_LINE:0:COMP_POINT}" \
            _PORTALCAL_WORD="${COMP_WORDS[COMP_CWORD]}" COMP_TYPE="${COMP_TYPE:-9}" COLUMNS="${COLUMNS:-80}" \
            "$1" 2>/dev/null
    )
    case $kind in
        files) compopt -o default ;;
        folders) compopt -o dirnames ;;
    esac
}
complete -F _portalcal portalcal
