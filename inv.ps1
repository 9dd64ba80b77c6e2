# Windows: the same as ./inv elsewhere. Local deployments run in WSL2.
$launcher = Join-Path $PSScriptRoot "inv"
if (Get-Command py -ErrorAction SilentlyContinue) { & py -3 $launcher @args } else { & python $launcher @args }
exit $LASTEXITCODE
