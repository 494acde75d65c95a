function _proccli_completion
    set -l line (commandline -cp | string collect)
    for item in (env _PROCCLI_COMPLETE=fish_complete COMP_WORDS="$line" proccli 2>/dev/null)
        set -l part (string split -m 2 \t -- $item)
        switch $part[1]
            case plain
                printf '%s\t%s\n' $part[2] $part[3]
            case dir
                __fish_complete_directories (commandline -ct)
            case file
                __fish_complete_path (commandline -ct)
        end
    end
end

complete --no-files --keep-order --command proccli --arguments "(_proccli_completion)"
