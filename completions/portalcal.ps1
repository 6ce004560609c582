# portalcal: completion for PowerShell. Add this to the file that $PROFILE names.
Register-ArgumentCompleter -Native -CommandName portalcal -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $line = $commandAst.ToString()
    $length = $cursorPosition - $commandAst.Extent.StartOffset
    if ($length -gt $line.Length) { $line = "$line " } else { $line = $line.Substring(0, $length) }
    $env:_PORTALCAL_COMPLETE = 'powershell'
    $env:_PORTALCAL_LINE = $line
    try { $lines = @(portalcal 2>$null) }
    finally { Remove-Item Env:_PORTALCAL_COMPLETE, Env:_PORTALCAL_LINE }
    # PowerShell completes files by itself where it gets nothing; an empty text keeps it from that.
    if ($lines.Count -lt 1 -or $lines[0] -ne 'values') { return }
    if ($lines.Count -eq 1) { return '' }
    foreach ($candidate in $lines[1..($lines.Count - 1)]) {
        $value, $description = $candidate -split "`t", 2
        if (-not $description) { $description = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $description)
    }
}
