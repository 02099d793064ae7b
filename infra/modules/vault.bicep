metadata description = 'Key Vault for the webhook addresses and the signing secret. The app reads them by reference.'

@description('Name of the vault.')
param name string

@description('Azure region.')
param location string

@description('Tags on every resource.')
param tags object

@description('Object ID of the managed identity that the app runs as.')
param identityPrincipalId string

@description('Object ID of an administrator who may set secrets; empty: nobody.')
param administratorPrincipalId string

@description('Type of the administrator principal; empty: Azure finds out.')
param administratorPrincipalType string

@description('Reachable through a private endpoint only.')
param privateNetwork bool

@description('Keep deleted secrets until their retention ends, whoever asks. Cannot be switched off again.')
param purgeProtection bool

@description('Log Analytics workspace for the diagnostic logs; empty: no diagnostic logs.')
param diagnosticWorkspaceId string

@description('Protect the vault against deletion.')
param lock bool

@description('Address of the Teams workflow. Empty: leave what the vault holds.')
@secure()
param teamsWebhookUrl string

@description('Address of the generic webhook. Empty: leave what the vault holds.')
@secure()
param webhookUrl string

@description('Signing secret of the generic webhook. Empty: leave what the vault holds.')
@secure()
param webhookSecret string

var roles = loadJsonContent('../data/azure-roles.json')

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    enableSoftDelete: true
    softDeleteRetentionInDays: 7
    // The service refuses an explicit false, so the property is left out.
    enablePurgeProtection: purgeProtection ? true : null
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    networkAcls: {
      // Lets Azure Resource Manager write the secrets of a deployment; roles are still asked for.
      bypass: 'AzureServices'
      defaultAction: privateNetwork ? 'Deny' : 'Allow'
    }
  }
}

resource teamsWebhookUrlSecret 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = if (!empty(teamsWebhookUrl)) {
  parent: vault
  name: 'teams-webhook-url'
  properties: {
    contentType: 'text/plain'
    value: teamsWebhookUrl
  }
}

resource webhookUrlSecret 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = if (!empty(webhookUrl)) {
  parent: vault
  name: 'webhook-url'
  properties: {
    contentType: 'text/plain'
    value: webhookUrl
  }
}

resource webhookSecretSecret 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = if (!empty(webhookSecret)) {
  parent: vault
  name: 'webhook-secret'
  properties: {
    contentType: 'text/plain'
    value: webhookSecret
  }
}

resource appAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, identityPrincipalId, roles.keyVaultSecretsUser.id)
  scope: vault
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser.id)
  }
}

resource administratorAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(administratorPrincipalId)) {
  name: guid(vault.id, administratorPrincipalId, roles.keyVaultSecretsOfficer.id)
  scope: vault
  properties: {
    principalId: administratorPrincipalId
    principalType: empty(administratorPrincipalType) ? null : administratorPrincipalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsOfficer.id)
  }
}

resource vaultLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(diagnosticWorkspaceId)) {
  name: 'audit'
  scope: vault
  properties: {
    workspaceId: diagnosticWorkspaceId
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
  }
}

resource vaultLock 'Microsoft.Authorization/locks@2020-05-01' = if (lock) {
  name: 'keep-secrets'
  scope: vault
  properties: {
    level: 'CanNotDelete'
    notes: 'Holds the webhook addresses and the signing secret. Remove this lock before you delete the vault.'
  }
}

output id string = vault.id
output name string = vault.name
output uri string = vault.properties.vaultUri
