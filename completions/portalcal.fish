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
