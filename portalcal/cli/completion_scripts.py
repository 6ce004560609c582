"""The scripts that make shells ask portalcal for completions. No script evaluates what it is given: names are foreign text.

A script passes the line up to the cursor and gets lines back: `values`, `files` or `folders`, then one candidate a line, in
the form of that shell. `python -m tests.test_completions` writes them into `completions/`.
"""

from __future__ import annotations

from typer import _completion_shared

_BASH = r"""
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
"""

_ZSH = r"""
#compdef portalcal
# portalcal: completion for zsh. Put this file into a folder of $fpath, or source it after compinit.
_portalcal() {
  local line kind=
  local -a candidates
  while IFS= read -r line; do
    if [[ -z $kind ]]; then
      kind=$line
    else
      candidates+=("$line")
    fi
  done < <(_PORTALCAL_COMPLETE=zsh _PORTALCAL_LINE="${(j: :)words[1,CURRENT]}" portalcal 2>/dev/null)
  case $kind in
    files) _files ;;
    folders) _files -/ ;;
    *) _describe -V 'portalcal' candidates ;;
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _portalcal "$@"
else
  compdef _portalcal portalcal
fi
"""

_FISH = r"""
# portalcal: completion for fish. Put this file into ~/.config/fish/completions/.
function __portalcal_complete
    set -lx _PORTALCAL_COMPLETE fish
    set -lx _PORTALCAL_LINE (commandline -cp | string collect)
    set -l lines (portalcal 2>/dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path (commandline -ct)
        case folders
            __fish_complete_directories (commandline -ct)
        case '*'
            set -e lines[1]
            string join \n -- $lines
    end
end
complete -c portalcal -f -k -a '(__portalcal_complete)'
"""

_POWERSHELL = r"""
# portalcal: completion for PowerShell. Add this to the file that $PROFILE names.
Register-ArgumentCompleter -Native -CommandName portalcal -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $line = $commandAst.ToString()
    $length = $cursorPosition - $commandAst.Extent.StartOffset
    if ($length -gt $line.Length) { $line = "$line " } else { $line = $line.Substring(0, $length) }
    $env:_PORTALCAL_COMPLETE = 'powershell'
    $env:_PORTALCAL_LINE = $line
    try { $lines = @(portalcal 2>$null) }
    finally { Remove-Item Env:_PORTALCAL_COMPLETE, Env:_PORTALCAL_LINE }
    # PowerShell completes files by itself where it gets nothing; an empty text keeps it from that.
    if ($lines.Count -lt 1 -or $lines[0] -ne 'values') { return }
    if ($lines.Count -eq 1) { return '' }
    foreach ($candidate in $lines[1..($lines.Count - 1)]) {
        $value, $description = $candidate -split "`t", 2
        if (-not $description) { $description = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $description)
    }
}
"""

SCRIPTS = {
    "bash": _BASH.lstrip("\n"),
    "zsh": _ZSH.lstrip("\n"),
    "fish": _FISH.lstrip("\n"),
    "powershell": _POWERSHELL.lstrip("\n"),
}


def install_in_typer() -> None:
    """Have `--install-completion` and `--show-completion` use these scripts instead of Typer's."""
    own = {shell: script.replace("%", "%%") for shell, script in SCRIPTS.items()}
    _completion_shared._completion_scripts.update(own | {"pwsh": own["powershell"]})  # noqa: SLF001
