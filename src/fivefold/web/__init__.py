"""What people see: charts, reports, pages."""
