metadata description = 'Lets the managed identity read Microsoft Graph, like grant-permissions.sh.'

targetScope = 'resourceGroup'

extension microsoftGraphV1

@description('Object ID of the managed identity: the output IDENTITY_PRINCIPAL_ID of the deployment.')
@minLength(36)
@maxLength(36)
param identityPrincipalId string

@description('Also the optional permissions: docs/permissions.md says what each is for.')
param includeOptional bool = false

@description('The parameter auditLog of the deployment: on, as without it, takes AuditLog.Read.All.')
@allowed([
  'on'
  'off'
])
param auditLog string = 'on'

var permissions = loadJsonContent('../data/graph-permissions.json')
var wanted = concat(
  permissions.required,
  filter(permissions.optional, one => includeOptional || (auditLog == 'on' && one.value == 'AuditLog.Read.All'))
)

resource microsoftGraph 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: permissions.resourceAppId
}

resource grants 'Microsoft.Graph/appRoleAssignedTo@v1.0' = [
  for permission in wanted: {
    appRoleId: permission.id
    principalId: identityPrincipalId
    resourceId: microsoftGraph.id
  }
]

output granted array = [for permission in wanted: permission.value]
