metadata description = 'The function app on the Flex Consumption plan.'

@description('Name of the function app.')
param name string

@description('Name of the plan.')
param planName string

@description('Azure region.')
param location string

@description('Tags on every resource.')
param tags object

@description('Resource ID of the managed identity that the app runs as.')
param identityId string

@description('Client ID of the managed identity.')
param identityClientId string

@description('Name of the storage account.')
param storageAccountName string

@description('Blob endpoint of the storage account.')
param blobEndpoint string

@description('Queue endpoint of the storage account.')
param queueEndpoint string

@description('Table endpoint of the storage account.')
param tableEndpoint string

@description('Address of the container that holds the package.')
param deploymentContainerUrl string

@description('Where Application Insights listens. Not a key: local authentication is off.')
param insightsConnectionString string

@description('Address of the vault.')
param vaultUri string

@description('Names of the secrets that the vault must hold.')
param expectedSecrets array

@description('Settings of the app. Empty ones are left out.')
param settings object

@description('Python version.')
param pythonVersion string

@description('Memory of an instance in MB.')
param instanceMemoryMB int

@description('Most instances that run at the same time.')
param maximumInstanceCount int

@description('Subnet for outgoing traffic; empty: none.')
param subnetId string

@description('Client ID of the app registration; empty: HTTP functions stay closed, except health.')
param authClientId string

@description('Tenant of the app registration.')
param authTenantId string

@description('Identifier URI of the app registration, which tokens of version 1 name as their audience.')
param authIdentifierUri string

var secretSettings = {
  'teams-webhook-url': 'TEAMS_WEBHOOK_URL'
  'webhook-secret': 'WEBHOOK_SECRET'
  'webhook-url': 'WEBHOOK_URL'
}

// Without an account key: the host and the app both sign in as the managed identity.
var identitySettings = {
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  AZURE_CLIENT_ID: identityClientId
  AzureWebJobsStorage__blobServiceUri: blobEndpoint
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__queueServiceUri: queueEndpoint
  AzureWebJobsStorage__tableServiceUri: tableEndpoint
  // The host refuses larger bodies before it hands them to the worker; the app says so in a sentence from 64 KB on.
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '131072'
}

// Tools look for the account by its name. In a national cloud the host would take the name for one of the public cloud,
// whatever addresses stand beside it.
var inPublicCloud = environment().name == 'AzureCloud'
var accountSettings = inPublicCloud
  ? {
      AzureWebJobsStorage__accountName: storageAccountName
    }
  : {}

// The app registration trusts the managed identity, so there is no client secret to leak or to renew.
// The name of this setting is fixed by App Service.
var authSettings = empty(authClientId)
  ? {}
  : {
      OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identityClientId
      WEBSITE_AUTH_AAD_ALLOWED_TENANTS: authTenantId
    }

// Every secret that the vault may hold is referred to, whether or not this deployment knows of it: what was put there once
// is never lost by a deployment that forgets it. The app takes a reference without a secret for an error only where the
// secret is expected.
var vaultReferences = toObject(
  items(secretSettings),
  secret => secret.value,
  secret => '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/${secret.key})'
)
var expectedSettings = {
  EXPECTED_SECRETS: empty(expectedSecrets)
    ? 'none'
    : join(map(expectedSecrets, secretName => secretSettings[secretName]), ',')
}

// Links in alerts lead to the app's own report, unless it is closed or another address was chosen.
var reportSettings = empty(authClientId)
  ? {}
  : {
      REPORT_URL: 'https://${site.properties.defaultHostName}/api/report'
    }
var chosenSettings = toObject(
  filter(items(settings), setting => !empty(setting.value)),
  setting => setting.key,
  setting => setting.value
)

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource site 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  kind: 'functionapp,linux'
  // azd finds the app by this tag: the name of the service in azure.yaml.
  tags: union(tags, { 'azd-service-name': 'app' })
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: deploymentContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
      }
    }
    // Flex Consumption refuses many a property of other plans here: tests/infra/test_security.py has the list.
    siteConfig: {
      // No browser app of another site has business here.
      cors: {
        allowedOrigins: []
        supportCredentials: false
      }
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
    }
  }
}

resource configuration 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: site
  name: 'appsettings'
  properties: union(
    identitySettings,
    accountSettings,
    authSettings,
    vaultReferences,
    expectedSettings,
    reportSettings,
    chosenSettings
  )
}

// Closed unless somebody is signed in, whether or not a registration was named: without one, nobody can sign in.
resource authentication 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: site
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: empty(authClientId) ? 'Return401' : 'RedirectToLoginPage'
      redirectToProvider: empty(authClientId) ? null : 'azureactivedirectory'
      excludedPaths: [
        '/api/health'
      ]
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: !empty(authClientId)
        registration: {
          clientId: empty(authClientId) ? null : authClientId
          clientSecretSettingName: empty(authClientId) ? null : 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${environment().authentication.loginEndpoint}${authTenantId}/v2.0'
        }
        validation: {
          allowedAudiences: empty(authClientId)
            ? []
            : [
                authClientId
                'api://${authClientId}'
                authIdentifierUri
              ]
        }
      }
    }
    login: {
      // A role that is taken away holds until the session ends. Signing in again asks nobody anything.
      cookieExpiration: {
        convention: 'FixedTime'
        timeToExpiration: '01:00:00'
      }
      // App Service refuses what a browser posts with its cookie, unless it knows the page's origin: the report's forms.
      allowedExternalRedirectUrls: [
        'https://${site.properties.defaultHostName}'
      ]
      tokenStore: {
        enabled: false
      }
    }
  }
  dependsOn: [
    configuration
  ]
}

// Deployment signs in with Entra ID; the passwords of the publishing profile stay off.
resource ftpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: site
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource scmPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: site
  name: 'scm'
  properties: {
    allow: false
  }
}

output id string = site.id
output name string = site.name
output url string = 'https://${site.properties.defaultHostName}'
output redirectUri string = 'https://${site.properties.defaultHostName}/.auth/login/aad/callback'
