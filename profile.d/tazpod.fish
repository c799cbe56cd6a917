# As tazpod.sh, for fish, which sources what is in its vendor_conf.d, in every script too.
if test "$TAZPOD_GHOST_MODE" = true
    # it knows no HISTFILE, and its history would be outside of the vault
    set -g fish_history ''

    function tazpod_refresh
        # what is evaluated is never traced
        set -l fish_trace
        command tazpod env --shell fish | source
        test $pipestatus[1] -eq 0
    end

    function tazpod
        if test (count $argv) -eq 1; and test "$argv[1]" = env; and isatty stdout
            tazpod_refresh
        else
            command tazpod $argv
            set -l result $status
            contains -- "$argv[1]" pull sync; and tazpod_refresh
            return $result
        end
    end

    status is-login; and tazpod_refresh
    status is-login; and status is-interactive; and command tazpod status --brief
end
