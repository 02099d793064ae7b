"""Every trigger on one screen: binding in, one call, binding out.

What a trigger needs is imported when it fires: the worker imports this file on every cold start, to find the functions.
"""

import logging
import os
import typing

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)  # who may call is decided in functions/access.py
STORAGE = "AzureWebJobsStorage"

# Their lines at INFO are one per request, with addresses that name accounts; below that, headers and bodies.
for _chatty in ("azure", "httpx", "httpcore", "msal", "urllib3", "aiohttp"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)


@app.timer_trigger(arg_name="timer", schedule="%SCAN_SCHEDULE%", run_on_startup=False, use_monitor=True)
@app.queue_output(arg_name="scans", queue_name="scans", connection=STORAGE)
async def scheduled_scan(timer: func.TimerRequest, scans: func.Out[str]) -> None:
    """Put a scan on the queue."""
    from functions import queues

    scans.set(queues.scheduled_scan())


# Not %WATCH_SCHEDULE%: the host knows no default for a setting that isn't there, and can't leave a function out.
WATCH_SCHEDULE = os.environ.get("WATCH_SCHEDULE", "0 */5 * * * *").strip()
if WATCH_SCHEDULE.lower() not in ("", "off"):

    @app.timer_trigger(arg_name="timer", schedule=WATCH_SCHEDULE, run_on_startup=False, use_monitor=False)
    async def watch_audit_log(timer: func.TimerRequest) -> None:
        """Look at the audit log, and put a scan on the queue where a change concerns anybody."""
        from functions import queues

        await queues.watch_audit_log()


@app.queue_trigger(arg_name="message", queue_name="scans", connection=STORAGE)
@app.queue_output(arg_name="alerts", queue_name="alerts", connection=STORAGE)
async def run_scan(message: func.QueueMessage, alerts: func.Out[typing.List[str]]) -> None:
    """Scan, and put what is to be told on the queue."""
    from functions import queues

    alerts.set(await queues.run_scan(message.get_body()))


@app.queue_trigger(arg_name="message", queue_name="alerts", connection=STORAGE)
async def send_alerts(message: func.QueueMessage) -> None:
    """Deliver one alert to every channel that it is for, or to the one that is to be tried again."""
    from functions import queues

    await queues.send_alert(message.get_body())


@app.queue_trigger(arg_name="message", queue_name="scans-poison", connection=STORAGE)
async def scans_poison(message: func.QueueMessage) -> None:
    """Record a scan that failed for good, and tell the administrators once."""
    from functions import queues

    await queues.scan_failed(message.get_body())


@app.queue_trigger(arg_name="message", queue_name="alerts-poison", connection=STORAGE)
async def alerts_poison(message: func.QueueMessage) -> None:
    """Log an alert that a fault kept from being delivered, and tell the administrators once."""
    from functions import queues

    await queues.alert_failed(message.get_body())


@app.route(route="recheck", methods=["POST"])
@app.queue_output(arg_name="scans", queue_name="scans", connection=STORAGE)
@app.queue_output(arg_name="alerts", queue_name="alerts", connection=STORAGE)
async def recheck(
    req: func.HttpRequest, scans: func.Out[typing.List[str]], alerts: func.Out[typing.List[str]]
) -> func.HttpResponse:
    """Judge the given accounts now; without a body, start a whole scan."""
    from functions import http_api

    answer = await http_api.recheck(req)
    scans.set(answer.scans)
    alerts.set(answer.alerts)
    return answer.response


@app.route(route="findings", methods=["GET"])
async def findings(req: func.HttpRequest) -> func.HttpResponse:
    """The findings, filtered, as JSON or CSV."""
    from functions import http_api

    return await http_api.findings(req)


@app.route(route="report", methods=["GET"])
async def report(req: func.HttpRequest) -> func.HttpResponse:
    """The HTML report."""
    from functions import http_api

    return await http_api.report(req)


@app.route(route="report/accounts/{id}", methods=["GET"])
async def account_history(req: func.HttpRequest) -> func.HttpResponse:
    """What happened to one account, newest first."""
    from functions import http_api

    return await http_api.account_history(req)


@app.route(route="report/{action}", methods=["POST"])
@app.queue_output(arg_name="scans", queue_name="scans", connection=STORAGE)
@app.queue_output(arg_name="alerts", queue_name="alerts", connection=STORAGE)
async def act(
    req: func.HttpRequest, scans: func.Out[typing.List[str]], alerts: func.Out[typing.List[str]]
) -> func.HttpResponse:
    """Do what a form of the report's page asks for."""
    from functions import acting

    answer = await acting.act(req)
    scans.set(answer.scans)
    alerts.set(answer.alerts)
    return answer.response


@app.route(route="runs/{id}", methods=["GET"])
async def runs(req: func.HttpRequest) -> func.HttpResponse:
    """Progress and result of a run."""
    from functions import http_api

    return await http_api.run(req)


@app.route(route="exceptions", methods=["GET", "PUT", "DELETE"])
async def exceptions(req: func.HttpRequest) -> func.HttpResponse:
    """The accepted findings: list, accept, end."""
    from functions import http_api

    return await http_api.exceptions(req)


@app.route(route="alerts/test", methods=["POST"])
async def test_alert(req: func.HttpRequest) -> func.HttpResponse:
    """Send a test through every channel and say what each answered."""
    from functions import http_api

    return await http_api.test_alert(req)


@app.route(route="doctor", methods=["GET"])
async def doctor(req: func.HttpRequest) -> func.HttpResponse:
    """What is wrong with this installation."""
    from functions import http_api

    return await http_api.doctor(req)


@app.route(route="health", methods=["GET"])
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """Whether the app works: ok or not, and nothing else."""
    from functions import http_api

    return await http_api.remembered_health(req)
