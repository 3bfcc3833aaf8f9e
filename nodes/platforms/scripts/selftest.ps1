# Whether the other scripts can run here: PowerShell's version, its language mode, the time zone, and a hash that is known.
# Where policy allows restricted scripts only, the first line that needs .NET ends this one with a status other than 0.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$sha = New-Object Security.Cryptography.SHA256CryptoServiceProvider
$hash = $sha.ComputeHash((New-Object byte[] 0))
[Console]::Out.WriteLine("version`t" + [string]$PSVersionTable.PSVersion)
[Console]::Out.WriteLine("mode`t" + [string]$ExecutionContext.SessionState.LanguageMode)
[Console]::Out.WriteLine("zone`t" + [TimeZoneInfo]::Local.Id)
[Console]::Out.WriteLine("empty`t" + [BitConverter]::ToString($hash).Replace('-', '').ToLowerInvariant())
[Console]::Out.WriteLine('end')
exit 0
