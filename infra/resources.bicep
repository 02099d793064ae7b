metadata description = 'App password watch in an existing resource group: az deployment group create.'

@description('Name of this installation, used in the names of its resources, e.g. contoso-prod.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('Azure region. It must offer the Flex Consumption plan: az functionapp list-flexconsumption-locations.')
param location string = resourceGroup().location

@description('Tags on every resource.')
param tags object = {}

// What is scanned

@description('Service accounts: user principal names or object IDs, separated by commas.')
param serviceAccounts string = ''

@description('Groups whose members are service accounts: object IDs, separated by commas.')
param serviceAccountGroups string = ''

@description('Patterns on the user principal name, separated by commas, e.g. svc-*,*-backup@*.')
param serviceAccountPatterns string = ''

@description('Attribute that marks a service account, e.g. extensionAttribute7=service.')
param serviceAccountAttribute string = ''

@description('Evidence from which further service accounts are proposed: signins,consents. Empty: off.')
param serviceAccountDiscovery string = ''

@description('Accounts that are judged and told of: confirmed ones only, or all, the proposed ones too.')
@allowed([
  'confirmed'
  'all'
])
param serviceAccountDiscoveryAlerts string = 'confirmed'

@description('Whether the audit log is read, for since when an option is hidden and who did it.')
@allowed([
  'on'
  'off'
])
param auditLog string = 'on'

@description('How many requests per scan ask the What If of Microsoft about accounts with findings, 0 to 200.')
param whatIfBudget string = '20'

@description('A message about what is still open, when a reminder is due: with every scheduled scan, with those on Mondays, or never.')
@allowed([
  'off'
  'daily'
  'weekly'
])
param alertDigest string = 'off'

@description('Whether the digest also comes when nothing is open.')
@allowed([
  'yes'
  'no'
])
param alertAllClear string = 'no'

@description('When to scan: NCRONTAB with seconds, in UTC. Default: every day at 06:00.')
param scanSchedule string = '0 0 6 * * *'

@description('Whether the tenant lets users create app passwords, as an administrator says it: it counts where the switch cannot be read.')
@allowed([
  'yes'
  'no'
  'unknown'
])
param appPasswordsAllowed string = 'unknown'

@description('Microsoft Graph cloud of the tenant.')
@allowed([
  'global'
  'usgov'
  'usgovdod'
  'china'
])
param graphCloud string = 'global'

// Who is told

@description('Mailbox that alerts are sent from. Needs the Exchange role described in docs/deploy.md. Empty: no mail.')
param alertEmailFrom string = ''

@description('Mail addresses that alerts are sent to, separated by commas.')
param alertEmailTo string = ''

@description('Address of the Teams workflow "When a Teams webhook request is received". Kept in Key Vault.')
@secure()
param teamsWebhookUrl string = ''

@description('Address of a webhook that takes Standard Webhooks. Kept in Key Vault.')
@secure()
param webhookUrl string = ''

@description('Signing secret of that webhook. Kept in Key Vault.')
@secure()
param webhookSecret string = ''

@description('Secrets that the vault already holds, separated by commas: teams-webhook-url, webhook-url, webhook-secret.')
param storedSecrets string = ''

@description('Address that links in alerts lead to. Empty: the report of this app, once people can sign in to it.')
param reportUrl string = ''

@description('Mail addresses that are told when the app itself is in trouble, separated by commas.')
param operationsEmails string = ''

@description('Hours without a successful scan after which operationsEmails are told; at most 47.')
@minValue(2)
@maxValue(47)
param scanOverdueHours int = 36

@description('Failed function runs within an hour after which operationsEmails are told.')
@minValue(1)
param failureThreshold int = 3

// Who may call

@description('Client ID of the app registration that signs people in. Empty: HTTP functions stay closed, except health.')
param authClientId string = ''

@description('Tenant of that app registration.')
param authTenantId string = tenant().tenantId

@description('Object ID of a user or group that may set secrets and use the deployed tables and queues. Empty: nobody.')
param administratorPrincipalId string = ''

@description('Type of that principal.')
@allowed([
  'User'
  'Group'
])
param administratorPrincipalType string = 'Group'

// How it runs

@description('Python version of the app.')
@allowed([
  '3.12'
  '3.13'
])
param pythonVersion string = '3.13'

@description('Memory of an instance in MB.')
@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int = 2048

@description('Most instances that run at the same time.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Redundancy of the storage account.')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
  'Standard_GRS'
  'Standard_GZRS'
])
param storageSku string = 'Standard_LRS'

@description('Reach storage and vault through private endpoints only.')
param privateNetwork bool = false

@description('Address space of the virtual network when privateNetwork is true, /24 or larger.')
param networkAddressPrefix string = '10.90.0.0/24'

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Most logs that are taken in per day, in GB.')
@minValue(1)
param logDailyCapGb int = 1

@description('Log who changes findings, the package and the secrets.')
param diagnosticLogs bool = true

@description('Protect storage account and vault against deletion.')
param lockResources bool = false

@description('Keep deleted secrets until their retention ends, whoever asks. Cannot be switched off again.')
param purgeProtection bool = false

var suffix = uniqueString(resourceGroup().id, environmentName)

// A secret becomes a setting when this deployment carries it or the vault is said to hold it.
var secretNames = union(
  empty(storedSecrets) ? [] : map(split(storedSecrets, ','), entry => trim(entry)),
  empty(teamsWebhookUrl) ? [] : ['teams-webhook-url'],
  empty(webhookUrl) ? [] : ['webhook-url'],
  empty(webhookSecret) ? [] : ['webhook-secret']
)
var operationsAddresses = empty(operationsEmails) ? [] : map(split(operationsEmails, ','), entry => trim(entry))
var functionAppName = 'func-${environmentName}-${suffix}'

module identity 'modules/identity.bicep' = {
  name: 'identity'
  params: {
    name: 'id-${environmentName}-${suffix}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    workspaceName: 'log-${environmentName}-${suffix}'
    insightsName: 'appi-${environmentName}-${suffix}'
    location: location
    tags: tags
    identityPrincipalId: identity.outputs.principalId
    retentionDays: logRetentionDays
    dailyCapGb: logDailyCapGb
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    name: 'st${suffix}'
    location: location
    tags: tags
    skuName: storageSku
    identityPrincipalId: identity.outputs.principalId
    administratorPrincipalId: administratorPrincipalId
    administratorPrincipalType: administratorPrincipalType
    privateNetwork: privateNetwork
    diagnosticWorkspaceId: diagnosticLogs ? monitoring.outputs.workspaceId : ''
    lock: lockResources
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: {
    name: 'kv-${suffix}'
    location: location
    tags: tags
    identityPrincipalId: identity.outputs.principalId
    administratorPrincipalId: administratorPrincipalId
    administratorPrincipalType: administratorPrincipalType
    privateNetwork: privateNetwork
    purgeProtection: purgeProtection
    diagnosticWorkspaceId: diagnosticLogs ? monitoring.outputs.workspaceId : ''
    lock: lockResources
    teamsWebhookUrl: teamsWebhookUrl
    webhookUrl: webhookUrl
    webhookSecret: webhookSecret
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'network'
  params: {
    name: 'vnet-${environmentName}-${suffix}'
    location: location
    tags: tags
    addressPrefix: networkAddressPrefix
    storageAccountId: storage.outputs.id
    vaultId: vault.outputs.id
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  params: {
    name: functionAppName
    planName: 'plan-${environmentName}-${suffix}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageAccountName: storage.outputs.name
    blobEndpoint: storage.outputs.blobEndpoint
    queueEndpoint: storage.outputs.queueEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    deploymentContainerUrl: storage.outputs.deploymentContainerUrl
    insightsConnectionString: monitoring.outputs.connectionString
    vaultUri: vault.outputs.uri
    secretNames: secretNames
    settings: {
      ALERT_ALL_CLEAR: alertAllClear
      ALERT_DIGEST: alertDigest
      ALERT_EMAIL_FROM: alertEmailFrom
      ALERT_EMAIL_TO: alertEmailTo
      APP_PASSWORDS_ALLOWED: appPasswordsAllowed
      GRAPH_CLOUD: graphCloud
      REPORT_URL: reportUrl
      SCAN_SCHEDULE: scanSchedule
      SERVICE_ACCOUNTS: serviceAccounts
      SERVICE_ACCOUNT_ATTRIBUTE: serviceAccountAttribute
      SERVICE_ACCOUNT_DISCOVERY: serviceAccountDiscovery
      SERVICE_ACCOUNT_DISCOVERY_ALERTS: serviceAccountDiscoveryAlerts
      AUDIT_LOG: auditLog
      WHAT_IF_BUDGET: whatIfBudget
      SERVICE_ACCOUNT_GROUPS: serviceAccountGroups
      SERVICE_ACCOUNT_PATTERNS: serviceAccountPatterns
    }
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    subnetId: privateNetwork ? network!.outputs.functionSubnetId : ''
    authClientId: authClientId
    authTenantId: authTenantId
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    appName: environmentName
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    operationsEmails: operationsAddresses
    scanOverdueHours: scanOverdueHours
    failureThreshold: failureThreshold
  }
}

output functionAppName string = app.outputs.name
output functionAppUrl string = app.outputs.url
output redirectUri string = app.outputs.redirectUri
output identityName string = identity.outputs.name
output identityPrincipalId string = identity.outputs.principalId
output identityClientId string = identity.outputs.clientId
output storageAccountName string = storage.outputs.name
output keyVaultName string = vault.outputs.name
output nextStep string = 'Let the app read the tenant: infra/grant-permissions.sh --identity ${identity.outputs.principalId} --what-if'
