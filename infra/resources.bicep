metadata description = 'App password watch in an existing resource group: az deployment group create.'

@description('Name of this installation, used in the names of its resources, e.g. contoso-prod.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('Azure region. It must offer the Flex Consumption plan: az functionapp list-flexconsumption-locations.')
@metadata({
  azd: {
    type: 'location'
  }
})
param location string = resourceGroup().location

// From here to the mark below, main.bicep repeats this file: python -m tests.infra.update_generated

@description('Tags on every resource.')
param tags object = {}

@description('More tags, as text: name=value, separated by commas.')
param moreTags string = ''

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

@description('Networks in which a webhook may lie although they are not public, with commas between them, e.g. 10.1.2.0/24.')
param alertPrivateNetworks string = ''

@description('When to scan: NCRONTAB with seconds, in UTC. Default: every day at 06:00.')
param scanSchedule string = '0 0 6 * * *'

@description('How often to look at the audit log between scans: NCRONTAB with seconds, in UTC, or off. Only where auditLog is on.')
param watchSchedule string = '0 */5 * * * *'

@description('How many days a scheduled scan may carry over what was read of accounts that the audit log shows unchanged, 0 (never) to 7.')
@allowed([
  '0'
  '1'
  '2'
  '3'
  '4'
  '5'
  '6'
  '7'
])
param wholeScanDays string = '0'

@description('Whether the tenant lets users create app passwords, as an administrator says it: it counts where the switch cannot be read.')
@allowed([
  'yes'
  'no'
  'unknown'
])
// A switch of the tenant, no password.
#disable-next-line secure-secrets-in-params
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

@description('Secrets that the vault must hold already, separated by commas: teams-webhook-url, webhook-url, webhook-secret.')
// Names of secrets, no secrets.
#disable-next-line secure-secrets-in-params
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

@description('Object ID of a user or group that may set secrets and use the deployed tables and queues. Empty: whoever deploys. none: nobody.')
param administratorPrincipalId string = ''

@description('Type of that principal. Empty: Azure finds out.')
@allowed([
  ''
  'User'
  'Group'
  'ServicePrincipal'
])
param administratorPrincipalType string = ''

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

@description('Most instances of each function that run at the same time. A region that is behind refuses less than 40.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 2

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

// End of what main.bicep repeats.

// What is written as a list, without blanks and empty entries.
var selections = [
  serviceAccounts
  serviceAccountGroups
  serviceAccountPatterns
  serviceAccountAttribute
]
var selected = filter(map(split(join(selections, ','), ','), entry => trim(entry)), entry => !empty(entry))
var groups = filter(map(split(serviceAccountGroups, ','), entry => trim(entry)), entry => !empty(entry))
var sources = filter(map(split(serviceAccountDiscovery, ','), entry => trim(entry)), entry => !empty(entry))
var named = filter(map(split(storedSecrets, ','), entry => trim(entry)), entry => !empty(entry))
var operationsAddresses = filter(map(split(operationsEmails, ','), entry => trim(entry)), entry => !empty(entry))
var recipients = filter(map(split(alertEmailTo, ','), entry => trim(entry)), entry => !empty(entry))
var tagPairs = filter(map(split(moreTags, ','), entry => trim(entry)), entry => !empty(entry))
var scheduleFields = filter(split(trim(scanSchedule), ' '), entry => !empty(entry))
var watchFields = filter(split(trim(watchSchedule), ' '), entry => !empty(entry))

var knownSecrets = [
  'teams-webhook-url'
  'webhook-url'
  'webhook-secret'
]
var secretsGiven = union(
  empty(teamsWebhookUrl) ? [] : ['teams-webhook-url'],
  empty(webhookUrl) ? [] : ['webhook-url'],
  empty(webhookSecret) ? [] : ['webhook-secret']
)
var secretNames = union(named, secretsGiven)
var unknownSecrets = filter(named, entry => !contains(knownSecrets, entry))
var unknownSources = filter(sources, entry => !contains(['signins', 'consents'], toLower(entry)))
var unlikelyGroups = filter(groups, entry => length(entry) != 36)
var unlikelyAddresses = filter(union(operationsAddresses, recipients), entry => !contains(entry, '@'))
var unlikelyTags = filter(tagPairs, entry => !contains(entry, '=') || startsWith(entry, '='))

// Everything that is wrong with the parameters, in one answer and before anything is made.
var problems = concat(
  empty(selected)
    ? [
        'Nothing says which accounts are service accounts: set serviceAccounts, serviceAccountGroups, serviceAccountPatterns or serviceAccountAttribute.'
      ]
    : [],
  empty(serviceAccountAttribute) || contains(serviceAccountAttribute, '=')
    ? []
    : ['serviceAccountAttribute is written as name=value.'],
  empty(unlikelyGroups) ? [] : ['serviceAccountGroups takes object IDs, which ${join(unlikelyGroups, ', ')} is not.'],
  empty(unknownSources)
    ? []
    : ['serviceAccountDiscovery takes signins and consents, not ${join(unknownSources, ', ')}.'],
  empty(unknownSecrets) ? [] : ['storedSecrets takes ${join(knownSecrets, ', ')}, not ${join(unknownSecrets, ', ')}.'],
  contains(secretNames, 'webhook-url') == contains(secretNames, 'webhook-secret')
    ? []
    : ['A webhook needs webhook-url and webhook-secret: give both, or name what the vault holds in storedSecrets.'],
  empty(unlikelyAddresses)
    ? []
    : ['operationsEmails and alertEmailTo take mail addresses, which ${join(unlikelyAddresses, ', ')} is not.'],
  empty(trim(alertEmailFrom)) == empty(recipients)
    ? []
    : ['Alerts by mail need alertEmailFrom and alertEmailTo: set both or neither.'],
  contains(map(range(0, 201), number => string(number)), whatIfBudget)
    ? []
    : ['whatIfBudget is a whole number from 0 to 200, not ${whatIfBudget}.'],
  length(scheduleFields) == 6
    ? []
    : ['scanSchedule has six fields, the first of which are seconds, e.g. 0 0 6 * * *, not ${scanSchedule}.'],
  toLower(trim(watchSchedule)) == 'off' || length(watchFields) == 6
    ? []
    : [
        'watchSchedule is off, or has six fields, the first of which are seconds, e.g. 0 */5 * * * *, not ${watchSchedule}.'
      ],
  !privateNetwork || contains(map(range(8, 17), bits => string(bits)), last(split(networkAddressPrefix, '/')))
    ? []
    : ['networkAddressPrefix is an address space of /24 or larger, e.g. 10.90.0.0/24, not ${networkAddressPrefix}.'],
  empty(unlikelyTags) ? [] : ['moreTags is written as name=value, which ${join(unlikelyTags, ', ')} is not.']
)

// Every name hangs on this one, so a wrong parameter stops the deployment before its first resource.
var suffix = empty(problems) ? uniqueString(resourceGroup().id, environmentName) : fail(join(problems, ' '))

// azd takes names that Azure doesn't, such as prod_eu and My Env.1. Capitals stay: names of roles are made of names of
// resources, letter by letter, and an installation that is deployed again has its roles already.
var usual = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
var letters = map(range(0, length(environmentName)), index => substring(environmentName, index, 1))
var spelledName = join(map(letters, letter => contains(usual, letter) ? letter : '-'), '')

// Azure reserves two words, wherever they stand in a name and whatever their case.
var smallName = toLower(spelledName)
var reserved = contains(smallName, 'microsoft') || contains(smallName, 'windows')
var cleanName = reserved ? replace(replace(smallName, 'microsoft', 'ms'), 'windows', 'w') : spelledName
// It is a host name, too, which browsers write small.
var functionAppName = toLower('func-${cleanName}-${suffix}')

var allTags = union(
  tags,
  toObject(tagPairs, pair => trim(first(split(pair, '='))), pair => trim(substring(pair, indexOf(pair, '=') + 1)))
)

// Whoever deploys may put secrets into the vault and start a scan, unless somebody else or nobody is named.
var deployerType = empty(deployer().userPrincipalName) ? 'ServicePrincipal' : 'User'
var administratorId = empty(administratorPrincipalId)
  ? deployer().objectId
  : toLower(administratorPrincipalId) == 'none' ? '' : administratorPrincipalId
var administratorType = empty(administratorPrincipalId) ? deployerType : administratorPrincipalType

// What the commands of docs/deploy.md and infra/graph/app-registration.bicep give the app registration.
var identifierUri = 'api://${authTenantId}/app-password-watch-${uniqueString(resourceGroup().id)}'

module identity 'modules/identity.bicep' = {
  name: 'identity'
  params: {
    name: 'id-${cleanName}-${suffix}'
    location: location
    tags: allTags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    workspaceName: 'log-${cleanName}-${suffix}'
    insightsName: 'appi-${cleanName}-${suffix}'
    location: location
    tags: allTags
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
    tags: allTags
    skuName: storageSku
    identityPrincipalId: identity.outputs.principalId
    administratorPrincipalId: administratorId
    administratorPrincipalType: administratorType
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
    tags: allTags
    identityPrincipalId: identity.outputs.principalId
    administratorPrincipalId: administratorId
    administratorPrincipalType: administratorType
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
    name: 'vnet-${cleanName}-${suffix}'
    location: location
    tags: allTags
    addressPrefix: networkAddressPrefix
    storageAccountId: storage.outputs.id
    vaultId: vault.outputs.id
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  params: {
    name: functionAppName
    planName: 'plan-${cleanName}-${suffix}'
    location: location
    tags: allTags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageAccountName: storage.outputs.name
    blobEndpoint: storage.outputs.blobEndpoint
    queueEndpoint: storage.outputs.queueEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    deploymentContainerUrl: storage.outputs.deploymentContainerUrl
    insightsConnectionString: monitoring.outputs.connectionString
    vaultUri: vault.outputs.uri
    expectedSecrets: secretNames
    settings: {
      ALERT_ALL_CLEAR: alertAllClear
      ALERT_DIGEST: alertDigest
      ALERT_EMAIL_FROM: alertEmailFrom
      ALERT_EMAIL_TO: alertEmailTo
      ALERT_PRIVATE_NETWORKS: alertPrivateNetworks
      APP_PASSWORDS_ALLOWED: appPasswordsAllowed
      GRAPH_CLOUD: graphCloud
      REPORT_URL: reportUrl
      SCAN_SCHEDULE: scanSchedule
      SERVICE_ACCOUNTS: serviceAccounts
      SERVICE_ACCOUNT_ATTRIBUTE: serviceAccountAttribute
      SERVICE_ACCOUNT_DISCOVERY: serviceAccountDiscovery
      SERVICE_ACCOUNT_DISCOVERY_ALERTS: serviceAccountDiscoveryAlerts
      AUDIT_LOG: auditLog
      // Without the audit log the app would be woken for nothing.
      WATCH_SCHEDULE: auditLog == 'off' ? 'off' : watchSchedule
      WHAT_IF_BUDGET: whatIfBudget
      WHOLE_SCAN_DAYS: wholeScanDays
      SERVICE_ACCOUNT_GROUPS: serviceAccountGroups
      SERVICE_ACCOUNT_PATTERNS: serviceAccountPatterns
    }
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    subnetId: privateNetwork ? network!.outputs.functionSubnetId : ''
    authClientId: authClientId
    authTenantId: authTenantId
    authIdentifierUri: identifierUri
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    appName: cleanName
    location: location
    tags: allTags
    workspaceId: monitoring.outputs.workspaceId
    operationsEmails: operationsAddresses
    scanOverdueHours: scanOverdueHours
    failureThreshold: failureThreshold
  }
}

output functionAppName string = app.outputs.name
output functionAppId string = app.outputs.id
output functionAppUrl string = app.outputs.url
output redirectUri string = app.outputs.redirectUri
output identityName string = identity.outputs.name
output identityPrincipalId string = identity.outputs.principalId
output identityClientId string = identity.outputs.clientId
output storageAccountName string = storage.outputs.name
output keyVaultName string = vault.outputs.name
output storageQueueEndpoint string = storage.outputs.queueEndpoint
output storageTableEndpoint string = storage.outputs.tableEndpoint
output identifierUri string = identifierUri
output nextStep string = 'Let the app read the tenant: infra/grant-permissions.sh --identity ${identity.outputs.principalId}${auditLog == 'on' ? ' --also AuditLog.Read.All' : ''} --what-if, in PowerShell ./infra/grant-permissions.ps1 -Identity ${identity.outputs.principalId}${auditLog == 'on' ? ' -Also AuditLog.Read.All' : ''} -WhatIf'
