# bash completion for arctic: the program itself knows what fits.

_arctic() {
    local rest=$COMP_LINE word line prefix words=() i
    COMPREPLY=()
    # bash parts words at = and : too; what stands together is one word.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i > 0)) && [[ $rest != [[:space:]]* ]]; then
            words[${#words[@]} - 1]+=$word
        else
            rest=${rest#"${rest%%[![:space:]]*}"}
            words+=("$word")
        fi
        rest=${rest#"$word"}
    done
    word=${words[${#words[@]} - 1]}
    prefix=
    [[ $word == *[=:]* && $COMP_WORDBREAKS == *[=:]* ]] && prefix=${word%"${word##*[=:]}"}
    # Quotes and backslashes of the command line are not part of the words.
    for ((i = 1; i < ${#words[@]}; i++)); do
        words[i]=${words[i]//[\"\'\\]/}
    done
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r line; do
                COMPREPLY+=("$line")
            done < <(compgen -f -- "${word##*[=:]}")
            return
        fi
        line=${line%%$'\t'*}
        line=${line#"$prefix"}
        printf -v line %q "$line"
        COMPREPLY+=("$line")
    done < <("${words[0]/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null)
    # A flag whose value follows the = sign, and a list that goes on, are not at their end.
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[=,] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

complete -F _arctic arctic
