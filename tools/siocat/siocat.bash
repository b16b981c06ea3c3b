# bash completion for siocat

_siocat() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} word
    COMPREPLY=()
    case $prev in
    --ca-file | --cert | --key | --pkcs12 | --passphrase-file | --input | -i | --unix)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    --ca-dir)
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        return
        ;;
    --transport | -T)
        mapfile -t COMPREPLY < <(compgen -W "polling websocket upgrade" -- "$cur")
        return
        ;;
    --eio | -e)
        mapfile -t COMPREPLY < <(compgen -W "3 4" -- "$cur")
        return
        ;;
    --parser | -P)
        mapfile -t COMPREPLY < <(compgen -W "default msgpack" -- "$cur")
        return
        ;;
    --tls-min)
        mapfile -t COMPREPLY < <(compgen -W "1.2 1.3" -- "$cur")
        return
        ;;
    --passphrase-env)
        mapfile -t COMPREPLY < <(compgen -e -- "$cur")
        return
        ;;
    esac
    case $cur in
    -*)
        mapfile -t COMPREPLY < <(compgen -W "--namespace --ack --timeout --listen --count --on --json
            --input --max-line --window --ping --echo --interval --max-time --reconnect --auth
            --header --query --path --transport --eio --parser --connect-timeout --cookies
            --no-compression --unix --local-address --proxy --no-proxy --ca-file --ca-dir --cert --key
            --pkcs12 --passphrase-file --passphrase-env --server-name --pin --tls-min --insecure
            --verbose --quiet --help --version" -- "$cur")
        ;;
    @*)
        mapfile -t COMPREPLY < <(compgen -P @ -f -- "${cur#@}")
        ;;
    *)
        for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
            case $word in
            *//*)
                mapfile -t COMPREPLY < <(compgen -W "emit listen" -- "$cur")
                return
                ;;
            esac
        done
        mapfile -t COMPREPLY < <(compgen -W "http:// https:// ws:// wss://" -- "$cur")
        ;;
    esac
}

complete -o nospace -F _siocat siocat
