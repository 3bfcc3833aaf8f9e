# Every entry below -Root: kind, size, ticks of the last write in UTC, path; tabs between.
# Kinds: f file, d folder, l link or other reparse point (named, never followed), x folder that cannot be listed.
# -Skip: folders that are named but not entered, one a line. Paths are base64 of UTF-16LE: no code page can change them.
param([string]$Root, [string]$Skip)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$unicode = [Text.Encoding]::Unicode
$top = $unicode.GetString([Convert]::FromBase64String($Root))
if (-not [IO.Directory]::Exists($top)) { exit 97 }
$skipped = New-Object 'Collections.Generic.HashSet[string]' ([StringComparer]::OrdinalIgnoreCase)
foreach ($line in $unicode.GetString([Convert]::FromBase64String($Skip)).Split("`n")) {
    [void]$skipped.Add($line)
}
function Write-Entry([string]$Kind, [long]$Size, [long]$Ticks, [string]$Path) {
    $word = [Convert]::ToBase64String($unicode.GetBytes($Path))
    [Console]::Out.WriteLine([string]::Join("`t", @($Kind, [string]$Size, [string]$Ticks, $word)))
}
$waiting = New-Object 'Collections.Generic.Stack[string]'
$waiting.Push('')
while ($waiting.Count -gt 0) {
    $folder = $waiting.Pop()
    $entries = @()
    try {
        $entries = (New-Object IO.DirectoryInfo([IO.Path]::Combine($top, $folder))).GetFileSystemInfos()
    }
    catch {
        if ($folder -eq '') { exit 96 }
        Write-Entry 'x' 0 0 $folder
    }
    foreach ($entry in $entries) {
        $path = [IO.Path]::Combine($folder, $entry.Name)
        $size = 0
        if ($entry.Attributes -band [IO.FileAttributes]::ReparsePoint) {
            $kind = 'l'
        }
        elseif ($entry.Attributes -band [IO.FileAttributes]::Directory) {
            $kind = 'd'
            if (-not $skipped.Contains($path)) { $waiting.Push($path) }
        }
        else {
            $kind = 'f'
            $size = $entry.Length
        }
        Write-Entry $kind $size $entry.LastWriteTimeUtc.Ticks $path
    }
}
[Console]::Out.WriteLine('end')
exit 0
