# fish completion for tazpod(1)

set -l commands init up ssh enter down logs trust unlock lock pull sync env run login status passwd vault doctor version help
set -l vault_commands create info check grow backup-header restore-header add-recovery remove-recovery
set -l first "not __fish_seen_subcommand_from $commands"
set -l vault "__fish_seen_subcommand_from vault"
set -l second "$vault; and not __fish_seen_subcommand_from $vault_commands"

complete -c tazpod -f
complete -c tazpod -s h -l help -d 'show help'
complete -c tazpod -s v -l verbose -d 'tell the technical detail of errors'
complete -c tazpod -n "$first" -s V -l version -d 'show the version'

complete -c tazpod -n "$first" -a init -d 'make a project of this folder'
complete -c tazpod -n "$first" -a up -d 'start the project\'s container'
complete -c tazpod -n "$first" -a ssh -d 'log in to the project\'s container'
complete -c tazpod -n "$first" -a enter -d 'the same as ssh'
complete -c tazpod -n "$first" -a down -d 'stop the project\'s container'
complete -c tazpod -n "$first" -a logs -d 'show what the project\'s container said'
complete -c tazpod -n "$first" -a trust -d 'trust the project\'s config'
complete -c tazpod -n "$first" -a unlock -d 'open the vault and start a shell in the enclave'
complete -c tazpod -n "$first" -a lock -d 'end all sessions of the vault and forget its key'
complete -c tazpod -n "$first" -a pull -d 'fetch the project\'s secrets into the vault'
complete -c tazpod -n "$first" -a sync -d 'the same as pull'
complete -c tazpod -n "$first" -a env -d 'bring the secrets into the running shell'
complete -c tazpod -n "$first" -a run -d 'run one program with the secrets'
complete -c tazpod -n "$first" -a login -d 'log in to Infisical, in the enclave only'
complete -c tazpod -n "$first" -a status -d 'show the vault, its sessions and the kept key'
complete -c tazpod -n "$first" -a passwd -d 'change the passphrase'
complete -c tazpod -n "$first" -a vault -d 'make, check, grow and rescue the image (as root)'
complete -c tazpod -n "$first" -a doctor -d 'tell what this machine can do, and what is missing'
complete -c tazpod -n "$first" -a version -d 'show the version'
complete -c tazpod -n "$first" -a help -d 'list the commands, or explain one'

complete -c tazpod -n "__fish_seen_subcommand_from init" -a 'base infisical k8s gemini'
complete -c tazpod -n "__fish_seen_subcommand_from init up trust pull sync login" -s y -l yes -d 'do not ask'
complete -c tazpod -n "__fish_seen_subcommand_from pull sync" -s n -l dry-run -d 'show what would change'
complete -c tazpod -n "__fish_seen_subcommand_from pull sync" -l prune -d 'remove what is gone'
complete -c tazpod -n "__fish_seen_subcommand_from env" -s s -l shell -x -a 'sh bash zsh fish powershell' -d 'of this shell'
complete -c tazpod -n "__fish_seen_subcommand_from env" -s f -l format -x -a 'dotenv json null' -d 'for programs'
complete -c tazpod -n "__fish_seen_subcommand_from run" -s o -l only -x -a '(string split " " -- $TAZPOD_VARIABLES)' -d 'only these'
complete -c tazpod -n "__fish_seen_subcommand_from run" -l no-inherit -d 'a small environment'
complete -c tazpod -n "__fish_seen_subcommand_from up" -s n -l dry-run -d 'print the commands only'
complete -c tazpod -n "__fish_seen_subcommand_from up" -l recreate -d 'make it anew'
complete -c tazpod -n "__fish_seen_subcommand_from up down" -s f -l force -d 'end ghost sessions'
complete -c tazpod -n "__fish_seen_subcommand_from down" -l remove -d 'remove it, too'
complete -c tazpod -n "__fish_seen_subcommand_from logs" -s f -l follow -d 'go on'
complete -c tazpod -n "__fish_seen_subcommand_from logs" -s n -l tail -x -d 'the last lines'
complete -c tazpod -n "__fish_seen_subcommand_from trust" -s l -l list -d 'show what is trusted'
complete -c tazpod -n "__fish_seen_subcommand_from trust" -l remove -d 'forget it'
complete -c tazpod -n "__fish_seen_subcommand_from unlock" -s c -l command -x -d 'run this in the enclave'
complete -c tazpod -n "__fish_seen_subcommand_from lock status doctor" -l json -d 'show it as JSON'
complete -c tazpod -n "__fish_seen_subcommand_from status" -s b -l brief -d 'one line'
complete -c tazpod -n "__fish_seen_subcommand_from status" -s q -l quiet -d 'show nothing: exit status 0 or 3'
complete -c tazpod -n "__fish_seen_subcommand_from help" -a "$commands"

complete -c tazpod -n "$second" -a create -d 'make the vault'
complete -c tazpod -n "$second" -a info -d 'show what its header says'
complete -c tazpod -n "$second" -a check -d 'check its file system'
complete -c tazpod -n "$second" -a grow -d 'make it larger'
complete -c tazpod -n "$second" -a backup-header -d 'save its header to a file'
complete -c tazpod -n "$second" -a restore-header -d 'put a saved header back'
complete -c tazpod -n "$second" -a add-recovery -d 'add a recovery passphrase'
complete -c tazpod -n "$second" -a remove-recovery -d 'remove the recovery passphrase'

complete -c tazpod -n "$vault; and __fish_seen_subcommand_from create" -s s -l size -x -d 'how large (K, M, G)'
complete -c tazpod -n "$vault; and __fish_seen_subcommand_from create grow" -s q -l quiet -d 'show no progress'
complete -c tazpod -n "$vault; and __fish_seen_subcommand_from create check grow add-recovery" -l stdin -d 'read passphrases from standard input'
complete -c tazpod -n "$vault; and __fish_seen_subcommand_from info" -l json -d 'show it as JSON'
complete -c tazpod -n "$vault; and __fish_seen_subcommand_from check" -l repair -d 'repair what is found'
complete -c tazpod -n "$vault; and __fish_seen_subcommand_from restore-header" -s y -l yes -d 'do not ask'
complete -c tazpod -n "$vault; and __fish_seen_subcommand_from backup-header restore-header" -F
