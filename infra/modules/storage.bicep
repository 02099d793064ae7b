metadata description = 'Storage account for the package, the queues and the findings. No account keys, no public blobs.'

@description('Name of the storage account.')
param name string

@description('Azure region.')
param location string

@description('Tags on every resource.')
param tags object

@description('Redundancy of the storage account.')
param skuName string

@description('Object ID of the managed identity that the app runs as.')
param identityPrincipalId string

@description('Object ID of an administrator who may read and change findings with the command line; empty: nobody.')
param administratorPrincipalId string

@description('Type of the administrator principal; empty: Azure finds out.')
param administratorPrincipalType string

@description('Reachable through private endpoints only.')
param privateNetwork bool

@description('Log Analytics workspace for the diagnostic logs; empty: no diagnostic logs.')
param diagnosticWorkspaceId string

@description('Protect the account against deletion.')
param lock bool

var roles = loadJsonContent('../data/azure-roles.json')
var deploymentContainerName = 'deployments'

// Public names: the code opens them by these names and the docs name them.
var queueNames = [
  'scans'
  'scans-poison'
  'alerts'
  'alerts-poison'
]
var tableNames = [
  'findings'
  'runs'
  'history'
  'exceptions'
  'signins'
  'alerts'
  'pages'
]

// The Functions host keeps its leases and its host state in blobs of this account, for which Microsoft
// asks for Storage Blob Data Owner; the package is read with the same role.
var appRoles = [
  roles.storageBlobDataOwner.id
  roles.storageQueueDataContributor.id
  roles.storageTableDataContributor.id
]
var administratorRoles = empty(administratorPrincipalId)
  ? []
  : [
      roles.storageQueueDataContributor.id
      roles.storageTableDataContributor.id
    ]

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: skuName
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: privateNetwork ? 'Deny' : 'Allow'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    // A package that was overwritten by mistake can be brought back for a week.
    deleteRetentionPolicy: {
      enabled: true
      days: 7
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource deployments 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: blobs
  name: deploymentContainerName
  properties: {
    publicAccess: 'None'
  }
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {}
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [
  for queueName in queueNames: {
    parent: queueService
    name: queueName
    properties: {}
  }
]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {}
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' = [
  for tableName in tableNames: {
    parent: tableService
    name: tableName
    properties: {}
  }
]

resource appAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for roleId in appRoles: {
    name: guid(account.id, identityPrincipalId, roleId)
    scope: account
    properties: {
      principalId: identityPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleId)
    }
  }
]

resource administratorAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for roleId in administratorRoles: {
    name: guid(account.id, administratorPrincipalId, roleId)
    scope: account
    properties: {
      principalId: administratorPrincipalId
      principalType: empty(administratorPrincipalType) ? null : administratorPrincipalType
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleId)
    }
  }
]

// Who changed findings or the package. Reads are left out: the app polls its queues all day.
resource blobLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(diagnosticWorkspaceId)) {
  name: 'changes'
  scope: blobs
  properties: {
    workspaceId: diagnosticWorkspaceId
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

resource tableLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(diagnosticWorkspaceId)) {
  name: 'changes'
  scope: tableService
  properties: {
    workspaceId: diagnosticWorkspaceId
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

resource accountLock 'Microsoft.Authorization/locks@2020-05-01' = if (lock) {
  name: 'keep-findings'
  scope: account
  properties: {
    level: 'CanNotDelete'
    notes: 'Holds the findings and their history. Remove this lock before you delete the account.'
  }
}

output id string = account.id
output name string = account.name
output deploymentContainerUrl string = '${account.properties.primaryEndpoints.blob}${deploymentContainerName}'
output blobEndpoint string = account.properties.primaryEndpoints.blob
output queueEndpoint string = account.properties.primaryEndpoints.queue
output tableEndpoint string = account.properties.primaryEndpoints.table
