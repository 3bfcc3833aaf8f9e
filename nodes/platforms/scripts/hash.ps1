# SHA-256 of files below -Root. Each line of input is a path, the answer its hash, a tab and the same line.
# A file that cannot be read has no answer. Paths are base64 of UTF-16LE: no code page can change them.
param([string]$Root)
begin {
    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue'
    $folder = [Text.Encoding]::Unicode.GetString([Convert]::FromBase64String($Root))
    if (-not [IO.Directory]::Exists($folder)) { exit 97 }
    # others may go on reading, writing, renaming and deleting the file meanwhile
    $share = [IO.FileShare]'ReadWrite, Delete'
    $sha = New-Object Security.Cryptography.SHA256CryptoServiceProvider
}
process {
    $word = [string]$_
    if ($word.Length -gt 0) {
        try {
            $name = [Text.Encoding]::Unicode.GetString([Convert]::FromBase64String($word))
            $path = [IO.Path]::Combine($folder, $name)
            $file = New-Object IO.FileStream($path, [IO.FileMode]::Open, [IO.FileAccess]::Read, $share, 1048576)
            try { $hash = $sha.ComputeHash($file) }
            finally { $file.Dispose() }
            $digits = [BitConverter]::ToString($hash).Replace('-', '').ToLowerInvariant()
            [Console]::Out.WriteLine($digits + "`t" + $word)
        }
        catch {
            $hash = $null
        }
    }
}
end {
    [Console]::Out.WriteLine('end')
    exit 0
}
