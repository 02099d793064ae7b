#Requires -Version 7.0
<#
.SYNOPSIS
Makes an app registration with which scans run outside Azure, or takes its rights away again.

.DESCRIPTION
Safe to repeat: what is there already stays as it is. Does what setup-app.sh does.
Needs the module Microsoft.Graph.Authentication (Install-Module Microsoft.Graph.Authentication -Scope CurrentUser) and a
sign-in as Privileged Role Administrator with Application Administrator, or as Global Administrator.

.PARAMETER Name
Unique name of the registration.

.PARAMETER Certificate
A certificate with its private key, in PEM; made, for 365 days, where there is no such file. It is the only one afterwards: repeat with
a new file to replace it.

.PARAMETER GitHub
OWNER/REPO: GitHub Actions, without a secret.

.PARAMETER Branch
With -GitHub: the branch it runs from; main where nothing is said.

.PARAMETER DeploymentEnvironment
With -GitHub: the environment of the jobs, in place of a branch.

.PARAMETER Issuer
Another issuer without a secret, such as the service connection of Azure DevOps; with -Subject.

.PARAMETER Subject
What the issuer calls who signs in.

.PARAMETER Also
Also these optional permissions, e.g. AuditLog.Read.All.

.PARAMETER Optional
Also all optional permissions: docs/permissions.md says what each is for.

.PARAMETER Revoke
Take away its permissions, its certificate and its federated credentials.

.PARAMETER Environment
The tenant's cloud: Global, USGov, USGovDoD or China.

.EXAMPLE
./infra/setup-app.ps1 -GitHub contoso/watch -WhatIf

.EXAMPLE
./infra/setup-app.ps1 -Certificate scan.pem -Also AuditLog.Read.All
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [string] $Name = 'app-password-watch-scan',

    [string] $Certificate = '',

    [string] $GitHub = '',

    [string] $Branch = '',

    [string] $DeploymentEnvironment = '',

    [string] $Issuer = '',

    [string] $Subject = '',

    [string[]] $Also = @(),

    [switch] $Optional,

    [switch] $Revoke,

    [string] $Environment = 'Global'
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

# Ends the script with one sentence: an error of PowerShell would bring its place in this file along.
function Exit-WithSentence {
    param([string] $Sentence)
    [Console]::Error.WriteLine("setup-app: $Sentence")
    exit 1
}

if ($Name -notmatch '^[A-Za-z0-9-]{3,60}$') {
    Exit-WithSentence 'The name takes 3 to 60 letters, digits and hyphens.'
}
if ($GitHub) {
    if ($GitHub -notmatch '^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$') {
        Exit-WithSentence "$GitHub is not a repository: write OWNER/REPO."
    }
    if ($Branch -and $DeploymentEnvironment) {
        Exit-WithSentence '-Branch and -DeploymentEnvironment exclude each other.'
    }
    if ($Issuer -or $Subject) {
        Exit-WithSentence '-GitHub knows issuer and subject.'
    }
    $Issuer = 'https://token.actions.githubusercontent.com'
    $ref = if ($Branch) { $Branch } else { 'main' }
    $Subject = if ($DeploymentEnvironment) { "repo:${GitHub}:environment:$DeploymentEnvironment" } else { "repo:${GitHub}:ref:refs/heads/$ref" }
}
elseif ($Branch -or $DeploymentEnvironment) {
    Exit-WithSentence '-Branch and -DeploymentEnvironment go with -GitHub.'
}
if (($Issuer -or $Subject) -and -not ($Issuer.StartsWith('https://') -and $Subject)) {
    Exit-WithSentence 'A federated credential needs -Issuer https://... and -Subject.'
}
if (-not $Revoke) {
    if (-not ($Certificate -or $Issuer)) {
        Exit-WithSentence 'Say how it signs in: -Certificate, -GitHub, or -Issuer with -Subject.'
    }
    if ($Certificate -and $Issuer) {
        Exit-WithSentence 'A certificate and a federated credential exclude each other: two ways in are one too many.'
    }
}
$audiences = @{
    Global   = 'api://AzureADTokenExchange'
    USGov    = 'api://AzureADTokenExchangeUSGov'
    USGovDoD = 'api://AzureADTokenExchangeUSGov'
    China    = 'api://AzureADTokenExchangeChina'
}
if (-not $audiences.ContainsKey($Environment)) {
    Exit-WithSentence "$Environment is not a cloud: they are Global USGov USGovDoD China."
}
if (-not (Get-Command -Name Connect-MgGraph -ErrorAction SilentlyContinue)) {
    Exit-WithSentence 'Microsoft Graph PowerShell was not found: Install-Module Microsoft.Graph.Authentication -Scope CurrentUser'
}

# Ends the script with what Microsoft Graph said.
function Exit-Refused {
    param([System.Management.Automation.ErrorRecord] $Reason)
    $said = $Reason.Exception.Message
    if ($Reason.ErrorDetails -and $Reason.ErrorDetails.Message) {
        $said = $Reason.ErrorDetails.Message
    }
    [Console]::Error.WriteLine($said)
    Exit-WithSentence 'Microsoft Graph did not do it; the reason is above. It takes Application Administrator and Privileged Role Administrator.'
}

function Invoke-Graph {
    param([string] $Method, [string] $Uri, [hashtable] $Body, [switch] $MayBeMissing)
    $WhatIfPreference = $false
    $request = @{ Method = $Method; Uri = $Uri; OutputType = 'Hashtable' }
    if ($null -ne $Body) {
        $request.Body = $Body | ConvertTo-Json -Depth 5
        $request.ContentType = 'application/json'
        $request.Headers = @{ Prefer = 'create-if-missing' }
    }
    try {
        Invoke-MgGraphRequest @request
    }
    catch {
        if ($MayBeMissing -and "$($_.Exception.Message) $($_.ErrorDetails)" -match 'ResourceNotFound|NotFound') {
            return $null
        }
        Exit-Refused $_
    }
}

try {
    $scopes = 'Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All', 'Organization.Read.All'
    Connect-MgGraph -Environment $Environment -Scopes $scopes -NoWelcome
}
catch {
    Exit-Refused $_
}
$tenant = (Invoke-Graph -Method GET -Uri '/v1.0/organization?$select=id').value[0].id

# The registration by its unique name, which survives a change of the displayed one.
$byName = "/v1.0/applications(uniqueName='$Name')"
$registration = Invoke-Graph -Method GET -Uri ($byName + '?$select=id,appId') -MayBeMissing
if (-not $registration) {
    if ($Revoke) {
        "There is no registration ${Name}: nothing had to be changed."
        exit 0
    }
    if (-not $PSCmdlet.ShouldProcess($Name, 'Make an app registration, let it sign in, and grant it the permissions of docs/permissions.md')) {
        "would make     registration $Name"
        'Nothing was changed.'
        exit 0
    }
    Invoke-Graph -Method PATCH -Uri $byName -Body @{ displayName = $Name; signInAudience = 'AzureADMyOrg' } | Out-Null
    $registration = Invoke-Graph -Method GET -Uri ($byName + '?$select=id,appId')
    "made           registration $Name"
}
else {
    "already there  registration $Name"
}
$application = "/v1.0/applications/$($registration.id)"
$byApp = "/v1.0/servicePrincipals(appId='$($registration.appId)')"
if (-not $Revoke -and -not $WhatIfPreference) {
    Invoke-Graph -Method PATCH -Uri $byApp -Body @{} | Out-Null
}
$principal = Invoke-Graph -Method GET -Uri ($byApp + '?$select=id')

$held = @((Invoke-Graph -Method GET -Uri ($application + '?$select=keyCredentials')).keyCredentials | ForEach-Object { $_.customKeyIdentifier })
$federated = @((Invoke-Graph -Method GET -Uri "$application/federatedIdentityCredentials").value)

# Takes away every way in but the one that is given.
function Remove-Others {
    param([bool] $KeepKey, [string] $KeepIssuer, [string] $KeepSubject)
    foreach ($one in $federated) {
        if ($one.issuer -ceq $KeepIssuer -and $one.subject -ceq $KeepSubject) { continue }
        if ($WhatIfPreference) { "would take away federated credential $($one.subject)"; continue }
        Invoke-Graph -Method DELETE -Uri "$application/federatedIdentityCredentials/$($one.id)" | Out-Null
        "taken away     federated credential $($one.subject)"
    }
    if (-not $KeepKey -and $held.Count) {
        if ($WhatIfPreference) { 'would take away certificate'; return }
        Invoke-Graph -Method PATCH -Uri $application -Body @{ keyCredentials = @() } | Out-Null
        'taken away     certificate'
    }
}

$grant = Join-Path $PSScriptRoot 'grant-permissions.ps1'
if ($Revoke) {
    Remove-Others -KeepKey $false -KeepIssuer '' -KeepSubject ''
    & $grant -Application -Identity $principal.id -Environment $Environment -Revoke -WhatIf:$WhatIfPreference
    "The registration itself stays, without rights. To delete it: Remove-MgApplication -ApplicationId $($registration.id)"
    exit 0
}

if ($Certificate) {
    if (-not (Test-Path $Certificate)) {
        if ($WhatIfPreference) {
            "would make     $Certificate"
        }
        else {
            $rsa = [System.Security.Cryptography.RSA]::Create(3072)
            $asked = [System.Security.Cryptography.X509Certificates.CertificateRequest]::new(
                "CN=$Name", $rsa, [System.Security.Cryptography.HashAlgorithmName]::SHA256,
                [System.Security.Cryptography.RSASignaturePadding]::Pkcs1)
            $made = $asked.CreateSelfSigned([DateTimeOffset]::UtcNow.AddMinutes(-5), [DateTimeOffset]::UtcNow.AddDays(365))
            New-Item -ItemType File -Path $Certificate | Out-Null
            if ($IsWindows) { icacls $Certificate /inheritance:r /grant:r "${env:USERNAME}:F" | Out-Null } else { chmod 600 $Certificate }
            Set-Content -Path $Certificate -Value ($rsa.ExportPkcs8PrivateKeyPem() + "`n" + $made.ExportCertificatePem())
            "made           $Certificate, which only you can read: it is the key to the tenant"
        }
    }
    if (Test-Path $Certificate) {
        $read = [System.Security.Cryptography.X509Certificates.X509Certificate2]::CreateFromPemFile((Resolve-Path $Certificate))
        if ($held.Count -eq 1 -and $held[0] -eq $read.Thumbprint) {
            "already there  certificate $($read.Thumbprint)"
        }
        elseif ($WhatIfPreference) {
            "would set      certificate $($read.Thumbprint)"
        }
        else {
            $key = @{
                type        = 'AsymmetricX509Cert'
                usage       = 'Verify'
                displayName = $Name
                key         = [Convert]::ToBase64String($read.RawData)
            }
            Invoke-Graph -Method PATCH -Uri $application -Body @{ keyCredentials = @($key) } | Out-Null
            "set            certificate $($read.Thumbprint), the only one"
        }
    }
    Remove-Others -KeepKey $true -KeepIssuer '' -KeepSubject ''
}
else {
    if ($federated | Where-Object { $_.issuer -ceq $Issuer -and $_.subject -ceq $Subject }) {
        "already there  federated credential $Subject"
    }
    elseif ($WhatIfPreference) {
        "would set      federated credential $Subject"
    }
    else {
        $credential = @{
            name      = "scan-$([DateTimeOffset]::UtcNow.ToUnixTimeSeconds())"
            issuer    = $Issuer
            subject   = $Subject
            audiences = @($audiences[$Environment])
        }
        Invoke-Graph -Method POST -Uri "$application/federatedIdentityCredentials" -Body $credential | Out-Null
        "set            federated credential $Subject"
    }
    Remove-Others -KeepKey $false -KeepIssuer $Issuer -KeepSubject $Subject
}

& $grant -Application -Identity $principal.id -Environment $Environment -Also $Also -Optional:$Optional -WhatIf:$WhatIfPreference
''
'Set where it scans:'
"  AZURE_CLIENT_ID=$($registration.appId)"
"  AZURE_TENANT_ID=$tenant"
if ($Certificate) {
    "  AZURE_CLIENT_CERTIFICATE_PATH=$Certificate"
}
