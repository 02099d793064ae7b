metadata description = 'App password watch in a resource group of its own: azd up, or az deployment sub create.'

targetScope = 'subscription'

@description('Name of the resource group. Empty: rg- and the name of the installation.')
param resourceGroupName string = ''

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
param location string = deployment().location

// From here to the mark below, resources.bicep is repeated: python -m tests.infra.update_generated

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

// End of what is repeated.

// As in resources.bicep: azd takes names that Azure doesn't.
var usual = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
var letters = map(range(0, length(environmentName)), index => substring(environmentName, index, 1))
var cleanName = join(map(letters, letter => contains(usual, letter) ? letter : '-'), '')

var tagPairs = filter(map(split(moreTags, ','), entry => trim(entry)), entry => !empty(entry))
var allTags = union(
  tags,
  toObject(tagPairs, pair => trim(first(split(pair, '='))), pair => trim(substring(pair, indexOf(pair, '=') + 1)))
)

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: empty(resourceGroupName) ? 'rg-${cleanName}' : resourceGroupName
  location: location
  // azd finds the group by this tag.
  tags: union(allTags, { 'azd-env-name': environmentName })
}

module resources 'resources.bicep' = {
  name: 'app-password-watch'
  scope: group
  params: {
    environmentName: environmentName
    location: location
    tags: tags
    moreTags: moreTags
    serviceAccounts: serviceAccounts
    serviceAccountGroups: serviceAccountGroups
    serviceAccountPatterns: serviceAccountPatterns
    serviceAccountAttribute: serviceAccountAttribute
    serviceAccountDiscovery: serviceAccountDiscovery
    serviceAccountDiscoveryAlerts: serviceAccountDiscoveryAlerts
    auditLog: auditLog
    whatIfBudget: whatIfBudget
    alertDigest: alertDigest
    alertAllClear: alertAllClear
    alertPrivateNetworks: alertPrivateNetworks
    scanSchedule: scanSchedule
    watchSchedule: watchSchedule
    wholeScanDays: wholeScanDays
    appPasswordsAllowed: appPasswordsAllowed
    graphCloud: graphCloud
    alertEmailFrom: alertEmailFrom
    alertEmailTo: alertEmailTo
    teamsWebhookUrl: teamsWebhookUrl
    webhookUrl: webhookUrl
    webhookSecret: webhookSecret
    storedSecrets: storedSecrets
    reportUrl: reportUrl
    operationsEmails: operationsEmails
    scanOverdueHours: scanOverdueHours
    failureThreshold: failureThreshold
    authClientId: authClientId
    authTenantId: authTenantId
    administratorPrincipalId: administratorPrincipalId
    administratorPrincipalType: administratorPrincipalType
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    storageSku: storageSku
    privateNetwork: privateNetwork
    networkAddressPrefix: networkAddressPrefix
    logRetentionDays: logRetentionDays
    logDailyCapGb: logDailyCapGb
    diagnosticLogs: diagnosticLogs
    lockResources: lockResources
    purgeProtection: purgeProtection
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output FUNCTION_APP_NAME string = resources.outputs.functionAppName
output FUNCTION_APP_ID string = resources.outputs.functionAppId
output FUNCTION_APP_URL string = resources.outputs.functionAppUrl
output REDIRECT_URI string = resources.outputs.redirectUri
output IDENTITY_NAME string = resources.outputs.identityName
output IDENTITY_PRINCIPAL_ID string = resources.outputs.identityPrincipalId
output IDENTITY_CLIENT_ID string = resources.outputs.identityClientId
output STORAGE_ACCOUNT_NAME string = resources.outputs.storageAccountName
output KEY_VAULT_NAME string = resources.outputs.keyVaultName
output STORAGE_QUEUE_ENDPOINT string = resources.outputs.storageQueueEndpoint
output STORAGE_TABLE_ENDPOINT string = resources.outputs.storageTableEndpoint
output IDENTIFIER_URI string = resources.outputs.identifierUri
output NEXT_STEP string = resources.outputs.nextStep
