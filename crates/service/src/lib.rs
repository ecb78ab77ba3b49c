//! What every Sortie process shares: configuration, telemetry, shutdown.
