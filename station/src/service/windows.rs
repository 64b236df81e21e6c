//! Windows' services: the service is an entry of the service control manager, which calls this program and tells it to stop.

use super::{InstallOrder, NAME, News, ServiceFault, ServiceHost, ServiceState, Standing, Supervisor, Work};
use crate::private;
use std::{ffi::OsString, sync::Mutex, time::Duration};
use tokio::sync::oneshot;
use windows_service::{
    Error, define_windows_service,
    service::{
        Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceControl, ServiceControlAccept,
        ServiceErrorControl, ServiceExitCode, ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo,
        ServiceStartType, ServiceState as State, ServiceStatus, ServiceType,
    },
    service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle},
    service_dispatcher,
    service_manager::{ServiceManager, ServiceManagerAccess},
};

/// Owns nothing but what it is given, and may speak to the network.
const ACCOUNT: &str = r"NT AUTHORITY\LocalService";
/// `ERROR_SERVICE_DOES_NOT_EXIST`.
const NO_SUCH_SERVICE: i32 = 1060;
/// `ERROR_SERVICE_ALREADY_RUNNING`.
const RUNS_ALREADY: i32 = 1056;
/// How long a stop may take: as `TimeoutStopSec` of the unit.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// How long the service stays down after a fault.
const PAUSE: Duration = Duration::from_secs(2);

/// The services of this machine.
#[derive(Debug, Default)]
pub struct WindowsServices;

impl ServiceHost for WindowsServices {
    fn install(&self, order: &InstallOrder) -> Result<Vec<String>, ServiceFault> {
        let access = ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE;
        let manager = ServiceManager::local_computer(None::<&str>, access).map_err(refused)?;
        let mut done = Vec::new();
        for path in [&order.settings, &order.data] {
            private::keep_to_service(path)
                .map_err(|source| ServiceFault::NotWritten { path: path.clone(), source })?;
            done.push(format!("{} is for administrators and the service alone", path.display()));
        }
        let info = ServiceInfo {
            name: NAME.into(),
            display_name: "Jigline station".into(),
            service_type: ServiceType::OWN_PROCESS,
            start_type: ServiceStartType::AutoStart,
            error_control: ServiceErrorControl::Normal,
            executable_path: order.program.clone(),
            launch_arguments: ["service", "run", "--config"]
                .map(OsString::from)
                .into_iter()
                .chain([order.settings.clone().into_os_string()])
                .collect(),
            dependencies: Vec::new(),
            account_name: Some(ACCOUNT.into()),
            account_password: None,
        };
        let rights = ServiceAccess::CHANGE_CONFIG
            | ServiceAccess::START
            | ServiceAccess::STOP
            | ServiceAccess::QUERY_STATUS;
        let service = match open(&manager, rights)? {
            Some(service) => {
                stop(&service)?;
                service.change_config(&info).map_err(refused)?;
                service
            }
            None => manager.create_service(&info, rights).map_err(refused)?,
        };
        service.set_description("Works the boards of a Jigline jig").map_err(refused)?;
        let again = ServiceAction { action_type: ServiceActionType::Restart, delay: PAUSE };
        service
            .update_failure_actions(ServiceFailureActions {
                reset_period: ServiceFailureResetPeriod::After(Duration::from_secs(60)),
                reboot_msg: None,
                command: None,
                actions: Some(vec![again]),
            })
            .map_err(refused)?;
        service.set_failure_actions_on_non_crash_failures(true).map_err(refused)?;
        match service.start::<OsString>(&[]) {
            Err(Error::Winapi(error)) if error.raw_os_error() == Some(RUNS_ALREADY) => {}
            started => started.map_err(refused)?,
        }
        done.push(format!("it runs from {} and starts with this machine", order.program.display()));
        Ok(done)
    }

    fn uninstall(&self) -> Result<Vec<String>, ServiceFault> {
        let manager = manager()?;
        let rights = ServiceAccess::STOP | ServiceAccess::DELETE | ServiceAccess::QUERY_STATUS;
        let Some(service) = open(&manager, rights)? else {
            return Ok(vec!["it was not installed".to_owned()]);
        };
        stop(&service)?;
        service.delete().map_err(refused)?;
        Ok(vec!["it was stopped and taken away; settings, journal and the program stay".to_owned()])
    }

    fn status(&self) -> Result<Standing, ServiceFault> {
        let Some(service) = open(&manager()?, ServiceAccess::QUERY_STATUS)? else {
            return Ok(Standing { state: ServiceState::NotInstalled, detail: String::new() });
        };
        let status = service.query_status().map_err(refused)?;
        let state = match (status.current_state, status.exit_code) {
            (State::Running, _) => ServiceState::Running,
            (State::Stopped, ServiceExitCode::Win32(0)) => ServiceState::Stopped,
            (State::Stopped, _) => ServiceState::Failed,
            _ => ServiceState::Changing,
        };
        Ok(Standing { state, detail: format!("{:?}", status.current_state) })
    }

    fn run(&self, work: Work) -> anyhow::Result<()> {
        if let Ok(mut place) = WORK.lock() {
            *place = Some(work);
        }
        service_dispatcher::start(NAME, ffi_service_main).map_err(|error| {
            let hint = "this is for Windows' service manager; by hand, `jigline-station run` does the same";
            anyhow::Error::new(error).context(hint)
        })
    }
}

fn manager() -> Result<ServiceManager, ServiceFault> {
    ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT).map_err(refused)
}

fn open(manager: &ServiceManager, rights: ServiceAccess) -> Result<Option<Service>, ServiceFault> {
    match manager.open_service(NAME, rights) {
        Ok(service) => Ok(Some(service)),
        Err(Error::Winapi(error)) if error.raw_os_error() == Some(NO_SUCH_SERVICE) => Ok(None),
        Err(error) => Err(refused(error)),
    }
}

/// Stops it and waits until it has, for its program can't be changed before.
fn stop(service: &Service) -> Result<(), ServiceFault> {
    const LOOK: Duration = Duration::from_millis(200);
    if service.query_status().map_err(refused)?.current_state == State::Stopped {
        return Ok(());
    }
    service.stop().map_err(refused)?;
    for _ in 0..STOP_WITHIN.as_millis() / LOOK.as_millis() {
        if service.query_status().map_err(refused)?.current_state == State::Stopped {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    let said = format!("it does not stop within {STOP_WITHIN:?}");
    Err(ServiceFault::Refused { command: "the service".to_owned(), said })
}

fn refused(error: Error) -> ServiceFault {
    ServiceFault::Manager(Box::new(error))
}

/// Windows calls a function without an argument of ours: the work lies here until it does.
static WORK: Mutex<Option<Work>> = Mutex::new(None);

define_windows_service!(ffi_service_main, service_main);

fn service_main(_arguments: Vec<OsString>) {
    if let Err(error) = serve() {
        tracing::error!(%error, "the service could not be worked");
    }
}

fn serve() -> windows_service::Result<()> {
    let (stop, stopped) = oneshot::channel();
    let stop = Mutex::new(Some(stop));
    let handle = service_control_handler::register(NAME, move |control| match control {
        ServiceControl::Stop | ServiceControl::Shutdown | ServiceControl::Preshutdown => {
            if let Some(stop) = stop.lock().ok().and_then(|mut stop| stop.take()) {
                let _has_ended = stop.send(());
            }
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    })?;
    say(handle, State::StartPending, ServiceExitCode::Win32(0))?;
    let supervisor = Supervisor::new(move |news| tell(handle, news), Some(stopped), None);
    let work = WORK.lock().ok().and_then(|mut place| place.take());
    let exit = match work.map(|work| work(supervisor)) {
        Some(Ok(())) => ServiceExitCode::Win32(0),
        Some(Err(error)) => {
            tracing::error!(error = format!("{error:#}"), "the station ended");
            ServiceExitCode::ServiceSpecific(1)
        }
        None => ServiceExitCode::ServiceSpecific(2),
    };
    say(handle, State::Stopped, exit)
}

fn tell(handle: ServiceStatusHandle, news: News) {
    let state = match news {
        News::Ready => State::Running,
        News::Stopping => State::StopPending,
        News::Alive => return,
    };
    if let Err(error) = say(handle, state, ServiceExitCode::Win32(0)) {
        tracing::warn!(%error, "the service manager was not told");
    }
}

fn say(handle: ServiceStatusHandle, state: State, exit_code: ServiceExitCode) -> windows_service::Result<()> {
    let accepts = match state {
        State::Running => ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN,
        _ => ServiceControlAccept::empty(),
    };
    let is_pending = matches!(state, State::StartPending | State::StopPending);
    handle.set_service_status(ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted: accepts,
        exit_code,
        checkpoint: 0,
        wait_hint: if is_pending { STOP_WITHIN } else { Duration::ZERO },
        process_id: None,
    })
}
