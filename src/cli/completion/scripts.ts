/**
 * Scripts that set up completion in a shell. Each calls the hidden command `complete` with the words up to the cursor,
 * and reads a line for each candidate: the word, a tab, and its description; `:files` and `:dirs` request file names.
 */

/**
 * readline splits words at `:` and `=`, which names of snapshots and long options contain: they are joined again, and
 * only the part of a candidate after the last split is returned.
 */
const BASH = `# bash completion of backup-tool
_backup_tool() {
  local rest=\${COMP_LINE:0:COMP_POINT} words=() cut= word bare line typed value i IFS=$'\\n'
  for ((i = 0; i <= COMP_CWORD; i++)); do
    bare=\${rest#"\${rest%%[![:space:]]*}"}
    word=$bare
    ((i < COMP_CWORD)) && word=\${COMP_WORDS[i]}
    if ((i > 1)) && [[ $rest == "$bare" ]]; then words[\${#words[@]}-1]+=$word; else words+=("$word"); fi
    rest=\${bare#"$word"}
  done
  typed=\${words[\${#words[@]}-1]}
  [[ $bare == [:=] ]] && bare=
  cut=\${typed%"$bare"}
  for i in "\${!words[@]}"; do
    word=\${words[i]#[\\"\\']}
    word=\${word%[\\"\\']}
    words[i]=\${word//\\\\}
  done
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files | :dirs)
        compopt -o filenames 2>/dev/null
        value=-f
        [[ $line == :dirs ]] && value=-d
        while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen "$value" -- "\${bare#[\\"\\']}")
        ;;
      *)
        value=\${line%%$'\\t'*}
        [[ $value == */ ]] && compopt -o nospace 2>/dev/null
        value=\${value#"$cut"}
        [[ $bare == [\\"\\']* ]] || printf -v value %q "$value"
        COMPREPLY+=("$value")
        ;;
    esac
  done < <("\${words[0]/#\\~/$HOME}" complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _backup_tool backup-tool
`;

/** For a file in fpath, or to be sourced. */
const ZSH = `#compdef backup-tool
_backup_tool() {
  local -a plain folders
  local line value about
  while IFS= read -r line; do
    case $line in
      :files) compset -P '--*='; _files ;;
      :dirs) compset -P '--*='; _files -/ ;;
      *)
        value=\${line%%$'\\t'*}
        about=\${line#*$'\\t'}
        value=\${value//:/\\\\:}
        [[ -n $about ]] && value=$value:$about
        if [[ \${line%%$'\\t'*} == */ ]]; then folders+=("$value"); else plain+=("$value"); fi
        ;;
    esac
  done < <("\${(Q)words[1]/#\\~/$HOME}" complete -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)
  (($#plain)) && _describe -V backup-tool plain
  (($#folders)) && _describe -V backup-tool folders -S ''
  return 0
}
if [[ $funcstack[1] == _backup_tool ]]; then _backup_tool "$@"; else compdef _backup_tool backup-tool; fi
`;

const FISH = `# fish completion of backup-tool
function __backup_tool_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l option (string match -r '^--[^=]*=' -- $typed)
    for line in ($words[1] complete -- $words[2..-1] "$typed" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path (string replace -r '^--[^=]*=' '' -- $typed) | string replace -r '^' -- "$option"
            case :dirs
                __fish_complete_directories (string replace -r '^--[^=]*=' '' -- $typed) '' \
                    | string replace -r '^' -- "$option"
            case '*'
                echo $line
        end
    end
end
complete -c backup-tool -f -a '(__backup_tool_complete)'
`;

/**
 * Returns nothing where files are wanted: PowerShell then offers them itself. Before 7.3 it drops an empty word from a
 * command line, unless that is in quotes. No test runs this script: it follows the documentation of
 * Register-ArgumentCompleter.
 */
const POWERSHELL = `# PowerShell completion of backup-tool
Register-ArgumentCompleter -Native -CommandName backup-tool, backup-tool.exe -ScriptBlock {
    param($typed, $line, $cursor)
    $words = @($line.CommandElements | Where-Object { $_.Extent.EndOffset -le $cursor } | ForEach-Object {
        if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { "$_" }
    })
    $program, $words = $words
    $words = @($words)
    if ($typed -eq '') {
        if ($PSVersionTable.PSVersion -lt [version]'7.3') { $words += '""' } else { $words += '' }
    }
    & $program complete -- @words 2>$null | Where-Object { $_ -notmatch '^:(files|dirs)$' } | ForEach-Object {
        $value, $about = $_ -split "\\t", 2
        $text = $value
        if ($value -match '[^\\w./:~=+@%\\\\-]') { $text = "'" + $value.Replace("'", "''") + "'" }
        if ([string]::IsNullOrEmpty($about)) { $about = $value }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $about)
    }
}
`;

export const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH, powershell: POWERSHELL } as const;
export type Shell = keyof typeof SCRIPTS;
