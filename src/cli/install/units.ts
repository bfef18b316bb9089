/** Definitions of a service for each service manager: the text, its path, and the commands to start and remove it. */
import type { ServiceManager } from "../../platform/own_program.ts";

export interface ServiceSpec {
  /** The program and its arguments, with absolute paths. */
  readonly words: readonly string[];
  /** Directories that must exist before it starts. */
  readonly needs: readonly string[];
  /** True if it listens, so that the network should be up. */
  readonly listens: boolean;
  readonly isRoot: boolean;
  /** Home directory, for a service of the user. */
  readonly home: string;
}

export interface Unit {
  readonly text: string;
  /** Path of the file; undefined if a person has to enter it. */
  readonly path: string | undefined;
  /** Shell commands. */
  readonly begin: readonly string[];
  readonly undo: readonly string[];
}

const NAME = "backup-tool", LABEL = "net.backup-tool.serve";
export const MARK = "Written by backup-tool (serve, option install)";

export function unitFor(manager: ServiceManager, spec: ServiceSpec): Unit {
  switch (manager) {
    case "systemd":
      return systemd(spec);
    case "launchd":
      return launchd(spec);
    case "task-scheduler":
      return taskScheduler(spec);
    case "cron":
      return cron(spec);
  }
}

function systemd({ words, needs, listens, isRoot, home }: ServiceSpec): Unit {
  const directory = isRoot ? "/etc/systemd/system" : `${home}/.config/systemd/user`,
    path = `${directory}/${NAME}.service`;
  const systemctl = isRoot ? "systemctl" : "systemctl --user";
  const network = listens ? "Wants=network-online.target\nAfter=network-online.target\n" : "";
  const text = `# ${MARK}
[Unit]
Description=Backup jobs
RequiresMountsFor=${needs.map((path) => systemdWord(path, false)).join(" ")}
${network}
[Service]
Type=notify
ExecStart=${words.map((word) => systemdWord(word, true)).join(" ")}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=60
WatchdogSec=300
LimitCORE=0

[Install]
WantedBy=${isRoot ? "multi-user.target" : "default.target"}
`;
  return {
    text,
    path,
    begin: [
      `${systemctl} daemon-reload`,
      `${systemctl} enable --now ${NAME}`,
      ...(isRoot ? [] : ["loginctl enable-linger # so that it runs while you are not signed in"]),
    ],
    undo: [`${systemctl} disable --now ${NAME}`, `rm ${shellWord(path)}`, `${systemctl} daemon-reload`],
  };
}

/** A word for systemd: `%` begins a specifier and, in commands, `$` a variable. */
function systemdWord(word: string, isCommand: boolean): string {
  const plain = word.replaceAll("%", "%%").replaceAll("$", isCommand ? "$$$$" : "$$");
  return /^[\w@%+=:,./-]+$/.test(word) ? plain : `"${plain.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

function launchd({ words, isRoot, home }: ServiceSpec): Unit {
  const path = `${isRoot ? "/Library/LaunchDaemons" : `${home}/Library/LaunchAgents`}/${LABEL}.plist`;
  const domain = isRoot ? "system" : "gui/$(id -u)";
  const text = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- ${MARK} -->
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${LABEL}</string>
  <key>ProgramArguments</key>
  <array>
${words.map((word) => `    <string>${xmlText(word)}</string>`).join("\n")}
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>60</integer>
  <key>ProcessType</key>
  <string>Background</string>
  <key>LowPriorityIO</key>
  <true/>
</dict>
</plist>
`;
  return {
    text,
    path,
    begin: [`launchctl bootstrap ${domain} ${shellWord(path)}`],
    undo: [`launchctl bootout ${domain}/${LABEL}`, `rm ${shellWord(path)}`],
  };
}

/** A task that starts with the machine or, for an ordinary user, at logon. */
function taskScheduler({ words: [program = "", ...args], isRoot, home }: ServiceSpec): Unit {
  const path = `${home}/${NAME}-task.xml`, trigger = isRoot ? "BootTrigger" : "LogonTrigger";
  const principal = isRoot ? "\n      <UserId>S-1-5-18</UserId>\n      <RunLevel>HighestAvailable</RunLevel>" : "";
  const text = `<?xml version="1.0" encoding="UTF-8"?>
<!-- ${MARK} -->
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <Triggers>
    <${trigger}><Enabled>true</Enabled></${trigger}>
  </Triggers>
  <Principals>
    <Principal id="Author">${principal}
    </Principal>
  </Principals>
  <Settings>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <RestartOnFailure><Interval>PT1M</Interval><Count>999</Count></RestartOnFailure>
    <Priority>7</Priority>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>${xmlText(program)}</Command>
      <Arguments>${xmlText(args.map(windowsWord).join(" "))}</Arguments>
    </Exec>
  </Actions>
</Task>
`;
  const windowsPath = windowsWord(path.replaceAll("/", "\\"));
  return {
    text,
    path,
    begin: [`schtasks /Create /TN ${NAME} /XML ${windowsPath}`, `schtasks /Run /TN ${NAME}`],
    undo: [`schtasks /End /TN ${NAME}`, `schtasks /Delete /TN ${NAME} /F`, `del ${windowsPath}`],
  };
}

/** A word quoted for CommandLineToArgvW. */
function windowsWord(word: string): string {
  if (/^[\w@%+=:,./\\-]+$/.test(word)) return word;
  return `"${word.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1")}"`;
}

/** A line for cron. For root it goes into the system's directory of such lines, if there is one. */
function cron({ words, isRoot }: ServiceSpec): Unit {
  // In a crontab, `%` ends the command.
  const command = words.map(shellWord).join(" ").replaceAll("%", "\\%");
  const mark = `# ${MARK}\n`;
  if (!isRoot) {
    const [begin, undo] = [["crontab -e # and add the line"], ["crontab -e # and remove the line"]];
    return { text: `${mark}@reboot ${command}\n`, path: undefined, begin, undo };
  }
  const path = `/etc/cron.d/${NAME}`;
  return {
    text: `${mark}@reboot root ${command}\n`,
    path,
    begin: ["reboot # or start the command by hand"],
    undo: [`rm ${path}`],
  };
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function xmlText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
