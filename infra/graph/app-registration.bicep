metadata description = 'App registration that signs people in to the report, with the app roles Reader and Operator.'

targetScope = 'resourceGroup'

extension microsoftGraphV1

@description('Name of the app registration.')
param displayName string = 'App password watch'

@description('Redirect URI: the output REDIRECT_URI of the deployment.')
param redirectUri string

@description('Object ID of the managed identity: the output IDENTITY_PRINCIPAL_ID of the deployment.')
@minLength(36)
@maxLength(36)
param identityPrincipalId string

@description('Object ID of a group whose members may read findings. Empty: assign people later.')
param readerGroupId string = ''

@description('Object ID of a group whose members may also recheck, manage exceptions and test alerts. Empty: assign people later.')
param operatorGroupId string = ''

var appRoles = loadJsonContent('../data/app-roles.json')

// People get tokens through Azure CLI and Azure PowerShell, which nobody needs to consent to.
var access = loadJsonContent('../data/api.json')
var microsoftGraphAppId = loadJsonContent('../data/graph-permissions.json').resourceAppId
var readerRoleId = '2421fe18-e109-4f54-89b9-3e7ecdfffecd'
var operatorRoleId = 'cedd9529-f71d-4060-ba4f-a277eb375715'
var tokenExchangeAudiences = {
  AzureCloud: 'api://AzureADTokenExchange'
  AzureUSGovernment: 'api://AzureADTokenExchangeUSGov'
  AzureChinaCloud: 'api://AzureADTokenExchangeChina'
}

var uniqueName = 'app-password-watch-${uniqueString(resourceGroup().id)}'

resource registration 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: uniqueName
  displayName: displayName
  signInAudience: 'AzureADMyOrg'
  // The output IDENTIFIER_URI of the deployment, which App Service takes as an audience. It can't hold the client ID, which
  // is known only when the registration is there.
  identifierUris: [
    'api://${tenant().tenantId}/${uniqueName}'
  ]
  api: access.api
  appRoles: appRoles
  web: {
    redirectUris: [
      redirectUri
    ]
    implicitGrantSettings: {
      // App Service asks for a code and an ID token at once.
      enableIdTokenIssuance: true
    }
  }
}

// Instead of a client secret: the app proves who it is with its managed identity.
resource trust 'Microsoft.Graph/applications/federatedIdentityCredentials@v1.0' = {
  name: '${registration.uniqueName}/managed-identity'
  description: 'The managed identity of the function app.'
  audiences: [
    tokenExchangeAudiences[environment().name]
  ]
  issuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
  subject: identityPrincipalId
}

// Without an assigned role nobody gets as far as a token.
resource principal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: registration.appId
  appRoleAssignmentRequired: true
}

resource microsoftGraph 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: microsoftGraphAppId
}

// Where an assignment is required, nobody can consent for themselves.
resource consent 'Microsoft.Graph/oauth2PermissionGrants@v1.0' = {
  clientId: principal.id
  consentType: 'AllPrincipals'
  resourceId: microsoftGraph.id
  scope: 'openid profile email'
}

resource readers 'Microsoft.Graph/appRoleAssignedTo@v1.0' = if (!empty(readerGroupId)) {
  appRoleId: readerRoleId
  principalId: readerGroupId
  resourceId: principal.id
}

resource operators 'Microsoft.Graph/appRoleAssignedTo@v1.0' = if (!empty(operatorGroupId)) {
  appRoleId: operatorRoleId
  principalId: operatorGroupId
  resourceId: principal.id
}

output authClientId string = registration.appId
output identifierUri string = 'api://${tenant().tenantId}/${uniqueName}'
