# Why -Folder (base64 of UTF-16LE) on a share does not open: the number of the Win32 error, 0 where it does; 11001 where
# nobody knows the file server's name, which the error does not tell from a server that is silent.
param([string]$Folder)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$path = [Text.Encoding]::Unicode.GetString([Convert]::FromBase64String($Folder))
$number = 0
try {
    $entries = [IO.Directory]::EnumerateFileSystemEntries($path).GetEnumerator()
    $some = $entries.MoveNext()
    $entries.Dispose()
}
catch {
    $result = $_.Exception.GetBaseException().HResult
    # 31: the system says only that it failed; other errors of .NET have no number of Win32
    $number = 31
    if (($result -band 0x7FFF0000) -eq 0x00070000) {
        $number = $result -band 0xFFFF
    }
}
$server = [string]($path.Split('\')[2])
if ($number -eq 53 -and $server -notlike '*.ipv6-literal.net') {
    try {
        $addresses = [Net.Dns]::GetHostAddresses($server)
    }
    catch {
        $number = 11001
    }
}
[Console]::Out.WriteLine([string]$number)
[Console]::Out.WriteLine('end')
exit 0
