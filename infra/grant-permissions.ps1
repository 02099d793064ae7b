#Requires -Version 5.1
<#
.SYNOPSIS
Lets the app's managed identity read Microsoft Graph, or takes that away again.

.DESCRIPTION
Safe to repeat: what is granted already stays as it is.
Needs the module Microsoft.Graph.Authentication (Install-Module Microsoft.Graph.Authentication -Scope CurrentUser) and a
sign-in as Privileged Role Administrator or Global Administrator.

.PARAMETER Identity
Object ID of the managed identity: the output IDENTITY_PRINCIPAL_ID of the deployment.

.PARAMETER Also
Also these optional permissions, e.g. AuditLog.Read.All.

.PARAMETER Optional
Also all optional permissions: docs/permissions.md says what each is for.

.PARAMETER Revoke
Take away every permission this script can grant, required and optional.

.PARAMETER Environment
The tenant's cloud.

.EXAMPLE
./infra/grant-permissions.ps1 -Identity 3f1c2a9e-5b7d-4c1e-9f60-2d8a4b6c7e10 -WhatIf

.EXAMPLE
./infra/grant-permissions.ps1 -Identity 3f1c2a9e-5b7d-4c1e-9f60-2d8a4b6c7e10

.EXAMPLE
./infra/grant-permissions.ps1 -Identity 3f1c2a9e-5b7d-4c1e-9f60-2d8a4b6c7e10 -Revoke
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory)]
    [guid] $Identity,

    [string[]] $Also = @(),

    [switch] $Optional,

    [switch] $Revoke,

    [ValidateSet('Global', 'USGov', 'USGovDoD', 'China')]
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
    'MailboxSettings.Read'
    'Member.Read.Hidden'
)
$unknown = @($Also | Where-Object { $_ -notin $optionalPermissions })
if ($unknown) {
    throw "$($unknown[0]) is not an optional permission: they are $($optionalPermissions -join ', ')."
}
$graphAppId = '00000003-0000-0000-c000-000000000000'

if (-not (Get-Command -Name Connect-MgGraph -ErrorAction SilentlyContinue)) {
    throw 'Microsoft Graph PowerShell is missing: Install-Module Microsoft.Graph.Authentication -Scope CurrentUser'
}

$scopes = @('Application.Read.All', 'AppRoleAssignment.ReadWrite.All')
Connect-MgGraph -Environment $Environment -Scopes $scopes -NoWelcome

function Invoke-Graph {
    param([string] $Method, [string] $Uri, [hashtable] $Body)
    # -WhatIf is decided below, per permission: reading must go on in either case.
    $WhatIfPreference = $false
    $request = @{ Method = $Method; Uri = $Uri; OutputType = 'Hashtable' }
    if ($Body) {
        $request.Body = $Body | ConvertTo-Json
        $request.ContentType = 'application/json'
    }
    Invoke-MgGraphRequest @request
}

$graphUri = '/v1.0/servicePrincipals(appId=''{0}'')?$select=id,appRoles' -f $graphAppId
$graphPrincipal = Invoke-Graph -Method GET -Uri $graphUri

$identityUri = '/v1.0/servicePrincipals/{0}?$select=displayName,servicePrincipalType' -f $Identity
$identityPrincipal = Invoke-Graph -Method GET -Uri $identityUri
if ($identityPrincipal.servicePrincipalType -ne 'ManagedIdentity') {
    $kind = $identityPrincipal.servicePrincipalType
    throw "$Identity is of type $kind, not ManagedIdentity. Nothing was changed: check the object ID."
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

$wanted = $requiredPermissions
if ($Optional -or $Revoke) {
    $wanted += $optionalPermissions
}
else {
    $wanted += $Also
}
$assignments = '/v1.0/servicePrincipals/{0}/appRoleAssignedTo' -f $graphPrincipal.id

foreach ($permission in $wanted) {
    $offered = $roleIds.ContainsKey($permission)
    if (-not $offered -and -not $Revoke) {
        throw "This cloud's Microsoft Graph does not offer $permission. Permissions before it in the list are granted."
    }
    $held = $offered -and $granted.ContainsKey($roleIds[$permission])
    if ($Revoke) {
        if (-not $held) {
            "not granted    $permission"
        }
        elseif ($PSCmdlet.ShouldProcess($identityName, "Revoke $permission")) {
            Invoke-Graph -Method DELETE -Uri "$assignments/$($granted[$roleIds[$permission]])" | Out-Null
            "revoked        $permission"
        }
    }
    elseif ($held) {
        "already there  $permission"
    }
    elseif ($PSCmdlet.ShouldProcess($identityName, "Grant $permission")) {
        $body = @{
            principalId = $Identity.ToString()
            resourceId  = $graphPrincipal.id
            appRoleId   = $roleIds[$permission]
        }
        Invoke-Graph -Method POST -Uri $assignments -Body $body | Out-Null
        "granted        $permission"
    }
}

# Mail is sent with an Exchange role for one mailbox. The same right from Entra ID would reach every mailbox.
if ($roleIds.ContainsKey('Mail.Send') -and $granted.ContainsKey($roleIds['Mail.Send'])) {
    Write-Warning ('This identity holds Mail.Send in Entra ID and can send mail as anybody in the tenant. Take it away ' +
        '(Entra admin center > Enterprise applications > the identity > Permissions) and use the Exchange role in ' +
        'docs/deploy.md instead.')
}
'Changes can take some minutes, rarely an hour, until they reach the app.'
