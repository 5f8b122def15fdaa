# fish completion for arctic: the program itself knows what fits.

function __arctic_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    if test "$lines[1]" = :files
        __fish_complete_path (string replace -r '^--[^=]*=' '' -- "$current")
    else if set -q lines[1]
        printf '%s\n' $lines
    end
end

complete -c arctic -f -a '(__arctic_complete)'
