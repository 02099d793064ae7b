#Requires -Version 5.1
<#
.SYNOPSIS
Lets the app's managed identity read Microsoft Graph, or takes that away again.

.DESCRIPTION
Safe to repeat: what is granted already stays as it is.
Needs the module Microsoft.Graph.Authentication (Install-Module Microsoft.Graph.Authentication -Scope CurrentUser) and a
sign-in as Privileged Role Administrator or Global Administrator.

.PARAMETER Identity
Object ID of the managed identity: the output IDENTITY_PRINCIPAL_ID of the deployment. Without it, that of the current azd
environment.

.PARAMETER Also
Also these optional permissions, e.g. AuditLog.Read.All. A deployment that isn't told otherwise needs that one.

.PARAMETER Optional
Also all optional permissions: docs/permissions.md says what each is for.

.PARAMETER Revoke
Take away every permission this script can grant, required and optional.

.PARAMETER Environment
The tenant's cloud: Global, USGov, USGovDoD or China.

.EXAMPLE
./infra/grant-permissions.ps1 -Identity 3f1c2a9e-5b7d-4c1e-9f60-2d8a4b6c7e10 -WhatIf

.EXAMPLE
./infra/grant-permissions.ps1 -Identity 3f1c2a9e-5b7d-4c1e-9f60-2d8a4b6c7e10 -Also AuditLog.Read.All

.EXAMPLE
./infra/grant-permissions.ps1 -Identity 3f1c2a9e-5b7d-4c1e-9f60-2d8a4b6c7e10 -Revoke
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [string] $Identity = '',

    [string[]] $Also = @(),

    [switch] $Optional,

    [switch] $Revoke,

    [string] $Environment = 'Global'
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

# The same names as in infra/data/graph-permissions.json. Why each is needed: python cli.py permissions
$requiredPermissions = @(
    'GroupMember.Read.All'
    'Organization.Read.All'
    'Policy.Read.All'
    'RoleManagement.Read.Directory'
    'User.Read.All'
    'UserAuthenticationMethod.Read.All'
)
$optionalPermissions = @(
    'Application.Read.All'
    'AuditLog.Read.All'
    'DelegatedPermissionGrant.Read.All'
    'Directory.Read.All'
    'DirectoryRecommendations.Read.All'
    'MailboxSettings.Read'
    'Member.Read.Hidden'
)
$graphAppId = '00000003-0000-0000-c000-000000000000'

# Ends the script with one sentence: an error of PowerShell would bring its place in this file along.
function Exit-WithSentence {
    param([string] $Sentence)
    [Console]::Error.WriteLine("grant-permissions: $Sentence")
    exit 1
}

$wanted = @($requiredPermissions)
if ($Optional -or $Revoke) {
    $wanted += $optionalPermissions
}
foreach ($permission in $Also) {
    $known = @($optionalPermissions | Where-Object { $_ -eq $permission })
    if (-not $known) {
        Exit-WithSentence "$permission is not an optional permission: they are $($optionalPermissions -join ' ')."
    }
    if ($wanted -notcontains $known[0]) {
        $wanted += $known[0]
    }
}
if (-not $Identity -and (Get-Command -Name azd -ErrorAction SilentlyContinue)) {
    # Windows PowerShell makes an error of what a program writes to its error output.
    $value = ''
    try { $value = azd env get-value IDENTITY_PRINCIPAL_ID 2>$null } catch { $value = '' }
    if ($LASTEXITCODE -eq 0 -and $value) {
        $Identity = "$value".Trim()
        "Managed identity of the current azd environment: $Identity"
    }
}
if (-not $Identity) {
    Exit-WithSentence '-Identity is missing.'
}
if ($Identity -notmatch '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$') {
    Exit-WithSentence "$Identity is not an object ID: copy the output IDENTITY_PRINCIPAL_ID."
}
if (@('Global', 'USGov', 'USGovDoD', 'China') -notcontains $Environment) {
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
    Exit-WithSentence 'Microsoft Graph did not do it; the reason is above. Granting needs Privileged Role Administrator.'
}

function Invoke-Graph {
    param([string] $Method, [string] $Uri, [hashtable] $Body)
    # -WhatIf is decided below, per permission: reading must go on in either case.
    $WhatIfPreference = $false
    $request = @{ Method = $Method; Uri = $Uri; OutputType = 'Hashtable' }
    if ($Body) {
        $request.Body = $Body | ConvertTo-Json
        $request.ContentType = 'application/json'
    }
    try {
        Invoke-MgGraphRequest @request
    }
    catch {
        Exit-Refused $_
    }
}

try {
    Connect-MgGraph -Environment $Environment -Scopes 'Application.Read.All', 'AppRoleAssignment.ReadWrite.All' -NoWelcome
}
catch {
    Exit-Refused $_
}

$graphUri = '/v1.0/servicePrincipals(appId=''{0}'')?$select=id,appRoles' -f $graphAppId
$graphPrincipal = Invoke-Graph -Method GET -Uri $graphUri

$identityUri = '/v1.0/servicePrincipals/{0}?$select=displayName,servicePrincipalType' -f $Identity
$identityPrincipal = Invoke-Graph -Method GET -Uri $identityUri
if ($identityPrincipal.servicePrincipalType -ne 'ManagedIdentity') {
    $kind = $identityPrincipal.servicePrincipalType
    Exit-WithSentence "$Identity is of type $kind, not ManagedIdentity. Nothing was changed: check the object ID."
}
$identityName = $identityPrincipal.displayName

# Permission names are resolved here and now, so that no ID can be out of date.
$roleIds = @{}
foreach ($role in $graphPrincipal.appRoles) {
    if ($role.allowedMemberTypes -contains 'Application') {
        $roleIds[$role.value] = $role.id
    }
}

# What the identity holds now: permission ID to assignment ID.
$granted = @{}
$page = '/v1.0/servicePrincipals/{0}/appRoleAssignments?$top=999' -f $Identity
while ($page) {
    $answer = Invoke-Graph -Method GET -Uri $page
    foreach ($assignment in $answer.value) {
        if ($assignment.resourceId -eq $graphPrincipal.id) {
            $granted[$assignment.appRoleId] = $assignment.id
        }
    }
    $page = if ($answer.ContainsKey('@odata.nextLink')) { $answer['@odata.nextLink'] } else { $null }
}

# All of them before the first change: what can't be granted as a whole isn't begun.
$missing = @($wanted | Where-Object { -not $roleIds.ContainsKey($_) })
if ($missing -and -not $Revoke) {
    Exit-WithSentence "This cloud's Microsoft Graph does not offer $($missing -join ' '). Nothing was changed."
}

$assignments = '/v1.0/servicePrincipals/{0}/appRoleAssignedTo' -f $graphPrincipal.id
$changed = 0
foreach ($permission in $wanted) {
    $held = $roleIds.ContainsKey($permission) -and $granted.ContainsKey($roleIds[$permission])
    if ($Revoke) {
        if (-not $held) {
            "not granted    $permission"
        }
        elseif ($WhatIfPreference) {
            "would revoke   $permission"
            $changed++
        }
        elseif ($PSCmdlet.ShouldProcess($identityName, "Revoke $permission")) {
            Invoke-Graph -Method DELETE -Uri "$assignments/$($granted[$roleIds[$permission]])" | Out-Null
            "revoked        $permission"
            $changed++
        }
    }
    elseif ($held) {
        "already there  $permission"
    }
    elseif ($WhatIfPreference) {
        "would grant    $permission"
        $changed++
    }
    elseif ($PSCmdlet.ShouldProcess($identityName, "Grant $permission")) {
        $body = @{
            principalId = $Identity
            resourceId  = $graphPrincipal.id
            appRoleId   = $roleIds[$permission]
        }
        Invoke-Graph -Method POST -Uri $assignments -Body $body | Out-Null
        "granted        $permission"
        $changed++
    }
}

# Mail is sent with an Exchange role for one mailbox. The same right from Entra ID would reach every mailbox.
if ($roleIds.ContainsKey('Mail.Send') -and $granted.ContainsKey($roleIds['Mail.Send'])) {
    ''
    'Warning: this identity holds Mail.Send in Entra ID and can send mail as anybody in the tenant.'
    'Take it away (Entra admin center > Enterprise apps > the identity > Permissions) and use'
    'the Exchange role in docs/deploy.md instead.'
}

''
if ($WhatIfPreference) {
    "$changed change(s) would be made. Nothing was changed."
}
elseif ($changed) {
    "$changed change(s) made. It can take some minutes, rarely an hour, until they reach the app."
}
else {
    'Nothing had to be changed.'
}
