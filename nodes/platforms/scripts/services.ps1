# Services whose program lies below -Folder: state and start as the service control manager numbers them, then name,
# shown name, account, command line; tabs between, texts as base64 of UTF-16LE. State 0: it may not be asked for.
param([string]$Folder)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
Add-Type -AssemblyName System.ServiceProcess
$unicode = [Text.Encoding]::Unicode
$start = $unicode.GetString([Convert]::FromBase64String($Folder)).TrimEnd('\') + '\'
$services = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SYSTEM\CurrentControlSet\Services')
foreach ($name in $services.GetSubKeyNames()) {
    try {
        $key = $services.OpenSubKey($name)
        $program = [string]$key.GetValue('ImagePath', '')
        if ($program.TrimStart('"').StartsWith($start, [StringComparison]::OrdinalIgnoreCase)) {
            $state = 0
            $shown = $name
            try {
                $service = New-Object ServiceProcess.ServiceController($name)
                $shown = $service.DisplayName
                $state = [int]$service.Status
            }
            catch {
                $state = 0
            }
            $words = @([string]$state, [string][int]$key.GetValue('Start', 0))
            foreach ($text in @($name, $shown, [string]$key.GetValue('ObjectName', ''), $program)) {
                $words += [Convert]::ToBase64String($unicode.GetBytes($text))
            }
            [Console]::Out.WriteLine([string]::Join("`t", $words))
        }
    }
    catch {
        # a key that this account may not read belongs to no service of the mail server
        $key = $null
    }
}
[Console]::Out.WriteLine('end')
exit 0
